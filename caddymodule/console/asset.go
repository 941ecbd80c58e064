package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"time"
)

// pageName is the file that is served where a path ends in a slash.
const pageName = "index.html"

//go:embed page/*.html page/*.css page/*.js page/*.svg
var pages embed.FS

// contentTypes are those of the embedded files, by the end of their name. They
// are stated here so that no table of the machine's can change them.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is one embedded file as it is answered.
type asset struct {
	name, contentType, etag string
	content                 []byte
}

// embedded reads all embedded files, by name.
func embedded() map[string]asset {
	entries, err := pages.ReadDir("page")
	if err != nil {
		panic("console: reading the embedded page: " + err.Error())
	}
	assets := make(map[string]asset, len(entries))
	for _, entry := range entries {
		content, err := pages.ReadFile("page/" + entry.Name())
		if err != nil {
			panic("console: reading the embedded page: " + err.Error())
		}
		sum := sha256.Sum256(content)
		assets[entry.Name()] = asset{
			name:        entry.Name(),
			contentType: contentTypes[path.Ext(entry.Name())],
			etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
			content:     content,
		}
	}
	return assets
}

// serve answers with the file. A browser asks each time whether it still has
// the present one, so that page and API are always of the same version.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", a.etag)
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.content))
}

// unescape gives the plain form of an escaped path. What cannot be unescaped,
// which no request that was read can hold, stays as it is.
func unescape(escaped string) string {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped
	}
	return plain
}
