package draft

import (
	"errors"
	"reflect"

	"github.com/signpost-gateway/signpost/policy"
)

// operation writes an operation's block.
func (p *page) operation(o *policy.OperationSpec) {
	head := []token{word("operation"), text(o.Name), text(o.Method), text(o.Template)}
	said := *o
	said.Name, said.Method, said.Template, said.Places = "", "", "", nil
	if reflect.ValueOf(said).IsZero() {
		p.line(head...)
		return
	}
	p.block(head, func() {
		p.optional("title", o.Title)
		for i := range o.Inputs {
			p.input(&o.Inputs[i])
		}
		for _, f := range o.Query {
			p.line(word("query"), text(f.Name), text(f.Value))
		}
		for _, f := range o.Header {
			p.line(word("header"), text(f.Name), text(f.Value))
		}
		p.body(o.Body)
		p.rules(&o.Rules)
	})
}

func (p *page) input(in *policy.InputSpec) {
	tokens := []token{word("input"), text(in.Var)}
	if in.Type != "" {
		tokens = append(tokens, word(in.Type))
	}
	if len(in.Default) > 0 {
		tokens = append(tokens, word("default"), value(in.Default))
	}
	if in.Matches != "" {
		tokens = append(tokens, word("matches"), text(in.Matches))
	}
	if len(in.In) > 0 {
		tokens = append(append(tokens, word("in")), texts(in.In)...)
	}
	p.line(tokens...)
}

func (p *page) body(b *policy.BodySpec) {
	switch {
	case b == nil:
	case b.As == "form":
		p.block(words("form"), func() {
			for _, f := range b.Form {
				p.formField(f)
			}
		})
	default:
		p.line(word(b.As), text(b.Template))
	}
}

// formField writes a field whose name begins the line, where some texts mean
// something else to Caddy or are torn apart by its formatter: so is a brace, even
// that of a secret.
func (p *page) formField(f policy.Field) {
	name := text(f.Name)
	if (!isBare(f.Name) || f.Name[0] == '{') && p.first == nil {
		switch {
		case f.Name == "import" || !fitsQuotes(f.Name) || checkText(f.Name) != nil:
			p.first = errors.New("writing a field of the form: its name cannot begin a line of a Caddyfile")
		default:
			name = word(quoted(f.Name))
		}
	}
	p.line(name, text(f.Value))
}
