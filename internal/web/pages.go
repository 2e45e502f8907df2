package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/directory"
)

//go:embed templates/*.html text/*.json
var files embed.FS

// pages are the templates and the catalogue of sentences.
type pages struct {
	byName  map[string]*template.Template
	catalog catalog
	assets  *assets
}

func loadPages(a *assets) (*pages, error) {
	p := &pages{byName: make(map[string]*template.Template), assets: a}
	var err error
	if p.catalog, err = loadCatalog(files); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if strings.HasPrefix(name, "_") {
			continue
		}
		t := template.New(path.Base(file)).Funcs(template.FuncMap{"asset": a.path, "copy": newCopyable,
			"part": newPart, "textfile": textFile, "ask": ask}).Option("missingkey=error")
		if p.byName[name], err = t.ParseFS(files, "templates/_*.html", file); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	return p, nil
}

// A Frame is what every page shows around its content.
type Frame struct {
	Title   string
	Product string
	Lang    string
	Nonce   string
	User    string // the address of who is signed in; empty for nobody
	Here    string // the entry of the navigation that the page is
	Admin   string // path of the Admin Center that the user may enter
	Refresh int    // seconds after which the page is worth another look; zero: it stays
	// Reference is that of the refusal that the page tells, if it does.
	Reference string
	catalog   catalog
}

// T returns a sentence of the catalogue in the page's language.
func (f Frame) T(key string, args ...any) string { return f.catalog.text(f.Lang, key, args...) }

// Word returns what a value of a kind is called: a status, a role. A value that
// nobody has named is called as it is.
func (f Frame) Word(kind, value string) string {
	for _, lang := range []string{f.Lang, defaultLanguage} {
		if text, ok := f.catalog.find(lang, kind+"."+value); ok {
			return text
		}
	}
	return value
}

// N returns a sentence with a number in it: the one whose key ends in _one for
// one.
func (f Frame) N(key string, n int64) string {
	if n == 1 {
		return f.T(key + "_one")
	}
	return f.T(key, f.Number(n))
}

// Number writes a number for people.
func (f Frame) Number(n int64) string {
	digits, mark := strconv.FormatInt(n, 10), ","
	if f.Lang == "de" {
		mark = "."
	}
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return digits
}

// Count writes a number of users, who are counted so far and no further.
func (f Frame) Count(n int64) string {
	if n > directory.MaxCount {
		return f.T("list.more_than", f.Number(directory.MaxCount))
	}
	return f.Number(n)
}

// Time writes an instant that a script may turn into local time.
func (f Frame) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + f.Date(t) + `</time>`)
}

// textFile is a link that holds a text to download, so that nothing has to keep
// what is shown once.
func textFile(text string) template.URL {
	return template.URL("data:text/plain;charset=utf-8," + url.PathEscape(text))
}

// A copyable is a value that somebody takes elsewhere, with a button that copies
// it where scripts run.
type copyable struct{ Label, Value, Copy, Copied string }

func newCopyable(page interface {
	T(key string, args ...any) string
}, label, value string) copyable {
	return copyable{label, value, page.T("copy.copy"), page.T("copy.copied")}
}

// A part is what a template shows that stands on several pages, with the words of
// the page.
type part struct {
	wording
	Of any
}

// A wording is a page as far as its parts need it.
type wording interface {
	T(key string, args ...any) string
	Word(kind, value string) string
	Time(t time.Time) template.HTML
}

func newPart(page wording, of any) part { return part{page, of} }

// Date writes an instant for people.
func (f Frame) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// frame makes the frame of a page, with the title of a key.
func (r *request) frame(key string) Frame {
	f := Frame{Product: r.web.cfg.ProductName, Lang: r.lang, Nonce: r.nonce, catalog: r.web.pages.catalog,
		Reference: r.ResponseWriter.Header().Get("Sallyport-Reference")}
	f.Title = f.T(key)
	if r.identity != nil {
		f.User = r.identity.User.Email
		if u := r.identity.User; u.Role.Administers() {
			f.Admin = "/admin/" + u.OrganizationID
		}
	}
	return f
}

// room makes the frame of a page for who is signed in. Its button to sign out
// leads on to the Identity Provider that the session came from.
func (r *request) room(key, here string) Frame {
	if r.identity != nil && r.identity.Session.ProfileID != "" {
		r.allowForeignForms()
	}
	f := r.frame(key)
	f.Here = here
	return f
}

func (r *request) text(key string) string { return r.web.pages.catalog.text(r.lang, key) }

// render writes a page. Nothing is sent before the page is complete.
func (r *request) render(status int, name string, view any) error {
	var b bytes.Buffer
	if err := r.web.pages.byName[name].ExecuteTemplate(&b, name+".html", view); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	h := r.ResponseWriter.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", r.lang)
	h.Add("Vary", "Accept-Language")
	r.WriteHeader(status)
	if r.Method != http.MethodHead {
		// The browser may be gone; nobody is left to be told.
		_, _ = b.WriteTo(r.ResponseWriter)
	}
	return nil
}

func (r *request) json(v any) error {
	r.ResponseWriter.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(r.ResponseWriter).Encode(v)
}
