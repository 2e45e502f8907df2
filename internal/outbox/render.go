package outbox

import (
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

//go:embed text/*.json templates/*
var files embed.FS

const defaultLanguage = "en"

// A writer puts letters into words.
type writer struct {
	product string
	texts   map[string]map[string]string // language, key
	plain   *template.Template
	html    *htmltemplate.Template
}

func newWriter(product string) (*writer, error) {
	w := &writer{product: product, texts: make(map[string]map[string]string)}
	names, err := fs.Glob(files, "text/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		texts := make(map[string]string)
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("outbox: %s: %w", name, err)
		}
		w.texts[strings.TrimSuffix(path.Base(name), ".json")] = texts
	}
	if w.plain, err = template.ParseFS(files, "templates/mail.txt"); err != nil {
		return nil, err
	}
	w.html, err = htmltemplate.ParseFS(files, "templates/mail.html")
	return w, err
}

// A view is what the templates show.
type view struct {
	Lang, Product, Subject, Button, Link, LinkHint, Sender string
	Paragraphs, Small                                      []string
}

// write puts a letter into words.
func (w *writer) write(l Letter) (Message, error) {
	lang := l.Language
	if w.texts[lang] == nil {
		lang = defaultLanguage
	}
	values := map[string]string{"product": w.product}
	for name, v := range l.Values {
		values[name] = w.value(lang, v)
	}
	text := func(key string) string { return fill(w.text(lang, key), values) }
	kind := string(l.Kind)
	v := view{Lang: lang, Product: w.product, Subject: text(kind + ".subject"), Link: l.Link,
		Paragraphs: paragraphs(text(kind + ".text")), Small: paragraphs(text(kind + ".small")), Sender: text("frame.sender")}
	if l.Link != "" {
		v.Button, v.LinkHint = text(kind+".button"), text("frame.link")
	}
	m := Message{To: l.To, Subject: v.Subject}
	var html, plain strings.Builder
	if err := w.html.Execute(&html, v); err != nil {
		return m, fmt.Errorf("outbox: letter %s: %w", l.Kind, err)
	}
	for _, list := range [][]string{v.Paragraphs, v.Small} {
		for i := range list {
			list[i] = wrap(list[i])
		}
	}
	if err := w.plain.Execute(&plain, v); err != nil {
		return m, fmt.Errorf("outbox: letter %s: %w", l.Kind, err)
	}
	m.Text, m.HTML = plain.String(), html.String()
	return m, nil
}

// text returns a text of the catalogue: empty where a kind has none.
func (w *writer) text(lang, key string) string {
	if text, ok := w.texts[lang][key]; ok {
		return text
	}
	return w.texts[defaultLanguage][key]
}

// maxValue is how much of a name stands in a mail, in characters.
const maxValue = 100

// value is how a value is written. Names come from tenants: they stand on one
// line, and make no link in programs that look for some.
func (w *writer) value(lang string, v any) string {
	switch v := v.(type) {
	case Word:
		return w.text(lang, string(v))
	case Sentence:
		return strings.Join(strings.Fields(string(v)), " ")
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04 UTC")
	case string:
		v = strings.ReplaceAll(strings.Join(strings.Fields(v), " "), "://", " ")
		if utf8.RuneCountInString(v) > maxValue {
			v = string([]rune(v)[:maxValue-1]) + "…"
		}
		return v
	}
	return fmt.Sprint(v) // there is no other: see Letter.check
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// fill puts values into a text. What a value holds is not looked at again.
func fill(text string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if v, ok := values[strings.Trim(name, "{}")]; ok {
			return v
		}
		return name
	})
}

func paragraphs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n\n")
}

// lineLength is where lines of plain text are broken, in characters.
const lineLength = 72

func wrap(paragraph string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(paragraph) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > lineLength:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
