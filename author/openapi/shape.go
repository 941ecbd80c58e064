package openapi

// shape is one of the format's objects, as far as it matters here: what it may
// hold. What stands in a document and not in its shape is left behind, so that no
// mistake in it is in the way.
type shape struct {
	// allowed are the kinds that a value may be.
	allowed kind

	// members are those of an object with fixed names, each of what is its shape.
	members map[string]*shape

	// each is the shape of all members of an object, or of all values of a list.
	each *shape

	// most bounds the members or values that are taken, the first ones. 0: all are.
	most int

	// section is where components of this shape stand; an object of such a shape
	// may be a reference instead.
	section string

	// follows tells that a reference which is all that there is stands for what it
	// leads to, though the format knows of none here.
	follows bool

	// ordered tells that the order of the object's properties is kept.
	ordered bool
}

// The values without structure.
var (
	text     = &shape{allowed: isText}
	flag     = &shape{allowed: isBool}
	texts    = &shape{allowed: isList, each: text}
	anything = &shape{allowed: isAnything}
	instance = &shape{allowed: isAnything, follows: true}
	several  = &shape{allowed: isList, each: anything}
)

func mapOf(each *shape) *shape  { return &shape{allowed: isObject, each: each} }
func listOf(each *shape) *shape { return &shape{allowed: isList, each: each} }

func object(section string, members map[string]*shape) *shape {
	return &shape{allowed: isObject, section: section, members: members}
}

// The objects of the format (OpenAPI 3.1.1, section 4.8).
var (
	schemaShape = &shape{allowed: isObject | isBool, section: "schemas", ordered: true}

	exampleShape = object("examples", map[string]*shape{"summary": text, "description": text, "value": instance})

	mediaShape = object("", map[string]*shape{
		"schema": schemaShape, "example": instance, "examples": mapOf(exampleShape),
	})

	parameterShape = object("parameters", map[string]*shape{
		"name": text, "in": text, "description": text, "required": flag, "deprecated": flag, "style": text, "explode": flag,
		"schema": schemaShape, "content": mapOf(mediaShape), "example": instance, "examples": mapOf(exampleShape),
	})

	bodyShape = object("requestBodies", map[string]*shape{
		"description": text, "required": flag, "content": mapOf(mediaShape),
	})

	responseShape = object("responses", map[string]*shape{"description": text, "content": mapOf(mediaShape)})

	securityShape = listOf(mapOf(texts))

	serverShape = object("", map[string]*shape{
		"url": text, "description": text,
		"variables": mapOf(object("", map[string]*shape{"default": text, "enum": texts, "description": text})),
	})

	operationShape = object("", map[string]*shape{
		"operationId": text, "summary": text, "description": text, "deprecated": flag,
		"parameters": listOf(parameterShape), "requestBody": bodyShape, "responses": mapOf(responseShape),
		"security": securityShape, "servers": listOf(serverShape),
	})

	flowShape = object("", map[string]*shape{
		"authorizationUrl": text, "tokenUrl": text, "refreshUrl": text, "scopes": mapOf(text),
	})

	schemeShape = object("securitySchemes", map[string]*shape{
		"type": text, "description": text, "name": text, "in": text, "scheme": text, "bearerFormat": text, "openIdConnectUrl": text,
		"flows": object("", map[string]*shape{
			"implicit": flowShape, "password": flowShape, "clientCredentials": flowShape, "authorizationCode": flowShape,
		}),
	})
)

// init closes the circle: a schema holds schemas.
func init() {
	// More are never looked at, but would cost the library time with each reference.
	schemas := &shape{allowed: isObject, each: schemaShape, most: maxMembers}
	list := &shape{allowed: isList, each: schemaShape, most: maxParts}
	names := &shape{allowed: isList, each: text, most: maxMembers}
	schemaShape.members = map[string]*shape{
		"type": {allowed: isText | isList, each: text}, "format": text, "title": text, "description": text, "pattern": text,
		"enum": several, "const": anything, "default": anything, "example": anything, "examples": several,
		"nullable": flag, "readOnly": flag, "writeOnly": flag, "deprecated": flag,
		"required": names, "properties": schemas, "items": schemaShape,
		"allOf": list, "oneOf": list, "anyOf": list,
	}
}
