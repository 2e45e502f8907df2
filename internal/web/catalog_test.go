package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/help"
	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/password"
	"sallyport/internal/sso"
	"sallyport/saml/metadata"
)

func texts(t *testing.T) catalog {
	t.Helper()
	c, err := loadCatalog(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inTemplates and inCode find the keys that are asked for by name.
var (
	inTemplates = regexp.MustCompile(`\.T "([a-z_.]+)"`)
	counted     = regexp.MustCompile(`\bN[( ]"([a-z_.]+)"`)
	countedToo  = regexp.MustCompile(`bulk\{"([a-z_.]+)"`)
)

// dotted is a text that may be a key: it is one if its first part is that of
// others.
var dotted = regexp.MustCompile(`"(([a-z_]+)\.[a-z_.]+)"`)

// words are the values that pages have a name for.
func words(t *testing.T) (keys []string) {
	t.Helper()
	source, err := os.ReadFile("../audit/event.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`Action = "([a-z_.]+)"`).FindAllSubmatch(source, -1) {
		keys = append(keys, "action."+string(m[1]))
	}
	for kind, values := range map[string]string{
		"status": "invited active deactivated", "role": "owner administrator member", "sso": "inherit enabled disabled",
		"domain": "pending verified lapsing frozen", "domain_what": "pending verified lapsing frozen",
		"way":          "password sso none recovery",
		"reason":       "user_deactivated sso_disabled_for_user sso_enabled_for_user domain_enforced not_enforced",
		"fact":         strings.Trim(fmt.Sprint(access.Facts()), "[]"),
		"proof_method": "dns file operator", "outcome": "found other older none failed",
		"help_kind": "concept guide error", "advice_side": "idp sallyport user",
		"guide_section": strings.Trim(fmt.Sprint(help.SectionKeys()), "[]"),
		"outbound":      "not_web not_public unreachable untrusted redirected too_large",
		"import":        "csv domain", "import_status": "queued running done failed",
		"import_group": "created updated unchanged failed", "import_would": "created updated unchanged failed",
		"edition": "standard administration enterprise", "actor": "operator token system anonymous setup_link",
		"test_step":       "profile received decoded well_formed reported signature decryption issuer audience destination time replay authentication nameid email domain user configuration rate password recovery_code browser ticket",
		"attempt_outcome": "succeeded refused pending", "attempt_started": "here idp",
		"test_note":   "user_not_found user_deactivated sso_not_enabled_for_user sso_profile_mismatch",
		"test_status": "passed failed warning not_reached not_needed not_told left_out", "test_result": "pending passed failed",
		"profile_state": "draft configured tested enforced disabled", "setup_status": "open claimed expired revoked", "draft_key": "added kept removed",
		"certificate_state": "used waiting refused distrusted", "key_state": "next current previous",
		"metadata_failure": "not_web not_public unreachable untrusted redirected too_large status invalid several expired busy entity",
		"rating":           "yes no", "rating_reason": "solved clear found unclear incorrect elsewhere outdated not_solved other",
		"notice":             "sign_ins_failing see_sign_ins certificate_expired certificate_expires key_expires certificate_waiting entity_waiting metadata_failing see",
		"profile_state_what": "draft configured tested enforced disabled",
		"setup_step":         "domain product idp test enforce", "way_in": "upload paste url hand", "way_in_what": "upload paste url hand",
		"metadata_wrong": strings.Join(wrongs(), " "),
		"warning":        "certificate_expired endpoint_not_https sha1_allowed rsa15_allowed enforced_not_tested",
		"key_delay":      "7d 30d now", "key_delay_hint": "7d 30d now", "option": strings.Join(optionTexts(), " "),
		"option.idp_initiated": "restart refuse accept", "option.idp_initiated_what": "restart refuse accept",
		"option.name_id_policy": "emailAddress unspecified none",
		"account_role":          "administrator developer billing support viewer", "kind": strings.Join(auditKindNames(), " "),
	} {
		for value := range strings.FieldsSeq(values) {
			keys = append(keys, kind+"."+value)
		}
	}
	return keys
}

// auditKindNames are what the log can be filtered by.
func auditKindNames() (names []string) {
	for _, k := range (Frame{}).auditKinds("") {
		names = append(names, strings.TrimSuffix(k.Value, "."))
	}
	return names
}

// optionTexts are the options of an SSO profile, each with what it does.
func optionTexts() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[sso.Options]()) {
		name := f.Tag.Get("json")
		names = append(names, name, name+"_hint")
	}
	return names
}

// wrongs are the kinds of what is wrong with metadata.
func wrongs() (kinds []string) {
	for _, code := range metadata.Codes() {
		kinds = append(kinds, string(code))
	}
	return kinds
}

// named reports whether a key names a field of a change or its value, of which
// there is no list.
func named(key string) bool {
	return strings.HasPrefix(key, "change.") || strings.HasPrefix(key, "value.")
}

// asked returns the keys that templates and code ask for, each with where.
func asked(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	search := func(name string, raw []byte, keys *regexp.Regexp, endings ...string) {
		for _, m := range keys.FindAllSubmatch(raw, -1) {
			for _, ending := range endings {
				found[string(m[1])+ending] = name
			}
		}
	}
	sections := map[string]bool{}
	for key := range texts(t)[defaultLanguage] {
		section, _, _ := strings.Cut(key, ".")
		sections[section] = !named(key)
	}
	for _, key := range words(t) {
		section, _, _ := strings.Cut(key, ".")
		delete(sections, section) // values, which code does not ask for by name
	}
	templates, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range templates {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		search(name, raw, inTemplates, "")
		search(name, raw, counted, "", "_one")
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range code {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		search(name, raw, counted, "", "_one")
		search(name, raw, countedToo, "", "_one")
		for _, m := range dotted.FindAllSubmatch(raw, -1) {
			if sections[string(m[2])] {
				found[string(m[1])] = name
			}
		}
	}
	for _, key := range words(t) {
		found[key] = "the list of words"
	}
	return found
}

// made reports whether a key is put together from a code: that of an error,
// what to do about it, or a field with a code. Any of these may be missing.
func made(key string) bool {
	isCode := func(s string) bool {
		for _, code := range fault.Codes() {
			if string(code) == s {
				return true
			}
		}
		return false
	}
	if rest, ok := strings.CutPrefix(key, "error."); ok {
		return isCode(strings.TrimSuffix(rest, ".do"))
	}
	if rest, ok := strings.CutPrefix(key, "field."); ok {
		last := rest[strings.LastIndexByte(rest, '.')+1:]
		return isCode(last) || slices.Contains(weaknesses(), last) ||
			strings.HasPrefix(rest, "metadata_url.") && slices.Contains(strings.Fields("not_web not_public unreachable untrusted redirected too_large status expired busy"), last)
	}
	return false
}

// weaknesses are the reasons why a password may be refused.
func weaknesses() (reasons []string) {
	for _, word := range []string{"short", strings.Repeat("long ", 60), "not text\xff\xff\xff\xff", "user@acme.test!", "password1234"} {
		reasons = append(reasons, fault.From(password.Check(word, "user@acme.test")).Fields[0].Reason)
	}
	return reasons
}

// TestEachWeaknessOfAPasswordIsTranslated finds a reason that has no sentence in
// a language beside the default one.
func TestEachWeaknessOfAPasswordIsTranslated(t *testing.T) {
	reasons := weaknesses()
	if slices.Sort(reasons); len(slices.Compact(slices.Clone(reasons))) != 5 {
		t.Fatalf("reasons are %v", reasons)
	}
	for lang, list := range texts(t) {
		for _, reason := range reasons {
			if list["field.password."+reason] == "" && lang != defaultLanguage {
				t.Errorf("%s.json: field.password.%s is missing", lang, reason)
			}
		}
	}
}

func TestEveryKeyThatIsAskedForIsThere(t *testing.T) {
	c := texts(t)
	keys := asked(t)
	if len(keys) < 50 {
		t.Fatalf("only %d keys were found", len(keys))
	}
	for key, where := range keys {
		if c[defaultLanguage][key] == "" {
			t.Errorf("%s asks for %s", where, key)
		}
	}
}

func TestNoKeyIsThereForNothing(t *testing.T) {
	keys := asked(t)
	for lang, list := range texts(t) {
		for key := range list {
			if _, ok := keys[key]; !ok && !made(key) && !named(key) {
				t.Errorf("%s.json: nobody asks for %s", lang, key)
			}
		}
	}
}

var verb = regexp.MustCompile(`%[^%]`)

// TestTranslationsAreComplete holds every language against the default one.
// Sentences of errors, which that takes from their titles, every other language
// has for each code that a person can meet.
func TestTranslationsAreComplete(t *testing.T) {
	c := texts(t)
	for lang, list := range c {
		for key, text := range list {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s.json: %s is %q", lang, key, text)
			}
			for _, v := range verb.FindAllString(text, -1) {
				if v != "%s" {
					t.Errorf("%s.json: %s holds %s", lang, key, v)
				}
			}
			english, ok := c[defaultLanguage][key]
			if !ok && !made(key) {
				t.Errorf("%s.json: %s is not in %s.json", lang, key, defaultLanguage)
			}
			if a, b := strings.Count(text, "%s"), strings.Count(english, "%s"); ok && a != b || !ok && a > 0 {
				t.Errorf("%s.json: %s takes %d values, not %d", lang, key, a, b)
			}
		}
		for key := range c[defaultLanguage] {
			if list[key] == "" {
				t.Errorf("%s.json: %s is missing", lang, key)
			}
		}
		for _, code := range fault.Codes() {
			if lang != defaultLanguage && list["error."+string(code)] == "" {
				t.Errorf("%s.json: error.%s is missing", lang, code)
			}
		}
	}
}

func TestTheLanguagesAreThoseOfTheFiles(t *testing.T) {
	c := texts(t)
	if len(c) != len(languages) {
		t.Errorf("%d files, %d languages", len(c), len(languages))
	}
	for _, tag := range languages {
		if base, _ := tag.Base(); c[base.String()] == nil {
			t.Errorf("%s.json is missing", base)
		}
	}
}

func TestWhichLanguageABrowserGets(t *testing.T) {
	p := &pages{}
	for header, want := range map[string]string{
		"": "en", "en": "en", "de": "de", "de-AT": "de", "de-CH,en;q=0.5": "de", "en-GB,de;q=0.9": "en", "fr": "en", "fr,de;q=0.5": "de",
		"fr-FR, en;q=0.8, de;q=0.9": "de", "*": "en", "de;q=0": "en", "nonsense;;q": "en", "\x00": "en", strings.Repeat("de,", 10_000): "de",
	} {
		r := &http.Request{Header: http.Header{"Accept-Language": {header}}}
		if got := p.language(r); got != want {
			t.Errorf("%.40q: %s, not %s", header, got, want)
		}
	}
}

func TestAKeyFallsBack(t *testing.T) {
	c := catalog{"en": {"a": "A", "b": "B %s"}, "de": {"a": "Ä"}}
	for got, want := range map[string]string{
		c.text("de", "a"): "Ä", c.text("de", "b", "x"): "B x", c.text("fr", "a"): "A", c.text("de", "none"): "none",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestFactsReadTheSameEverywhere: the page says in English what the API and the
// command line say.
func TestFactsReadTheSameEverywhere(t *testing.T) {
	for _, f := range access.Facts() {
		if got := texts(t)["en"]["fact."+string(f)]; got == "" || got != f.Sentence() {
			t.Errorf("%s: %q, not %q", f, got, f.Sentence())
		}
	}
}
