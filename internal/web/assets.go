package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets are files whose URL holds a sum of their content, so that browsers may
// keep them for good.
type assets struct {
	byURL map[string]asset  // name in the URL
	names map[string]string // file name to name in the URL
}

type asset struct {
	content []byte
	kind    string
}

func loadAssets() (*assets, error) {
	a := &assets{byURL: make(map[string]asset), names: make(map[string]string)}
	list, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		content, err := fs.ReadFile(assetFiles, "assets/"+f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(f.Name())
		name := strings.TrimSuffix(f.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.names[f.Name()] = name
		a.byURL[name] = asset{content, mime.TypeByExtension(ext)}
	}
	return a, nil
}

// path returns the URL of a file, for templates.
func (a *assets) path(file string) (string, error) {
	name, ok := a.names[file]
	if !ok {
		return "", fmt.Errorf("no asset %s", file)
	}
	return "/assets/" + name, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	found, ok := a.byURL[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(found.content) // the browser may be gone
}

// favicon answers browsers that ask for it by name.
func (a *assets) favicon(w http.ResponseWriter, r *http.Request) {
	r.SetPathValue("file", a.names["icon.svg"])
	a.serve(w, r)
}
