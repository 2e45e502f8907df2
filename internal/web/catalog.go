package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"sallyport/internal/fault"
)

// A catalog holds every sentence of the pages by language and key.
type catalog map[string]map[string]string

const defaultLanguage = "en"

func loadCatalog(from fs.FS) (catalog, error) {
	c := make(catalog)
	names, err := fs.Glob(from, "text/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		texts := make(map[string]string)
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		c[strings.TrimSuffix(path.Base(name), ".json")] = texts
	}
	return c, nil
}

func (c catalog) find(lang, key string) (string, bool) {
	text, ok := c[lang][key]
	return text, ok
}

// text returns a sentence, in the default language if it is not translated. A
// key that nobody knows shows as itself; a test finds it.
func (c catalog) text(lang, key string, args ...any) string {
	text, ok := c.find(lang, key)
	if !ok {
		if text, ok = c.find(defaultLanguage, key); !ok {
			return key
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// languages are those that the pages speak, the default one first.
var languages = []language.Tag{language.English, language.German}

var matcher = language.NewMatcher(languages)

// language returns the language that a browser prefers among ours.
func (p *pages) language(r *http.Request) string {
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	base, _ := languages[i].Base()
	return base.String()
}

// reason returns what is wrong with a field in the words of its reason, where those
// have a text of their own: with the line and the details that the field names.
func (c catalog) reason(lang string, field fault.Field) (string, bool) {
	text, ok := c.find(lang, field.Reason)
	if !ok {
		return field.Message, false
	}
	details := make([]any, strings.Count(text, "%s"))
	for i := range details {
		if details[i] = "…"; i < len(field.Details) {
			details[i] = field.Details[i]
		}
	}
	text = fmt.Sprintf(text, details...)
	if field.Line > 0 {
		text = c.text(lang, "profiles.at_line", strconv.Itoa(field.Line), text)
	}
	return text, true
}
