package outbox_test

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/outbox"
	"sallyport/internal/testenv"
)

// sample is a letter of a kind with everything that belongs into it.
func sample(kind outbox.Kind) outbox.Letter {
	l := outbox.Letter{Kind: kind, To: "user@acme.test", Values: outbox.Values{}}
	all := outbox.Values{"organization": "Acme & Söhne <b>", "until": time.Now(), "time": time.Now(), "role": outbox.Word("role.owner"), "domain": "acme.test",
		"profile": "Login", "what": outbox.Word("setup.opened"), "address": "192.0.2.1",
		"since": time.Now(), "failed": "6", "tried": "7", "cause": outbox.Sentence("The signature does not hold"), "code": "saml_signature_invalid", "fix": outbox.Sentence("Compare the certificates.")}
	names, link := outbox.Shape(kind)
	for _, name := range names {
		l.Values[name] = all[name]
	}
	if link {
		l.Link = "https://login.example/x/token-1_2"
	}
	return l
}

var leftOver = regexp.MustCompile(`[{}]|%!|<no value>|role\.|setup\.`)

func TestEveryKindInEveryLanguage(t *testing.T) {
	w := outbox.NewWriter(t, "Harbour")
	for _, kind := range outbox.Kinds() {
		subjects := map[string]bool{}
		for _, lang := range []string{"en", "de"} {
			l := sample(kind)
			l.Language = lang
			m := w(l)
			for part, text := range map[string]string{"subject": m.Subject, "plain": m.Text, "html": m.HTML} {
				if text == "" || part != "html" && leftOver.MatchString(text) {
					t.Errorf("%s %s: the %s part is %q", kind, lang, part, text)
				}
			}
			if l.Link != "" && (strings.Count(m.Text, l.Link) != 1 || !strings.Contains(m.HTML, `href="`+l.Link+`"`)) {
				t.Errorf("%s %s: the link:\n%s\n%s", kind, lang, m.Text, m.HTML)
			}
			if !strings.Contains(m.HTML, `<html lang="`+lang+`">`) || strings.Contains(m.HTML, "<b>") {
				t.Errorf("%s %s: %s", kind, lang, m.HTML)
			}
			if !strings.Contains(m.Text, "Harbour") || strings.Contains(m.Text+m.HTML, "Sallyport") {
				t.Errorf("%s %s: not the operator's name:\n%s", kind, lang, m.Text)
			}
			for line := range strings.Lines(m.Text) {
				if len([]rune(line)) > 80 && !strings.Contains(line, "https://") {
					t.Errorf("%s %s: a line of %d characters", kind, lang, len(line))
				}
			}
			subjects[m.Subject] = true
		}
		if len(subjects) != 2 {
			t.Errorf("%s is not translated", kind)
		}
	}
}

// TestCataloguesHoldTheSame keys and placeholders.
func TestCataloguesHoldTheSame(t *testing.T) {
	placeholders := regexp.MustCompile(`\{[^}]*\}`)
	texts := outbox.Texts(t)
	for key, text := range texts["en"] {
		other, ok := texts["de"][key]
		if !ok {
			t.Errorf("%s is not there in German", key)
		}
		a, b := placeholders.FindAllString(text, -1), placeholders.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%s: %v and %v", key, a, b)
		}
		kind, part, _ := strings.Cut(key, ".")
		if known := slices.Contains(outbox.Kinds(), outbox.Kind(kind)); !known && kind != "frame" && kind != "role" && kind != "setup" {
			t.Errorf("%s belongs to no kind", key)
		} else if known && !slices.Contains([]string{"subject", "text", "button", "small"}, part) {
			t.Errorf("%s is no part of a mail", key)
		}
	}
	if len(texts["en"]) != len(texts["de"]) {
		t.Errorf("%d and %d texts", len(texts["en"]), len(texts["de"]))
	}
}

// TestHostileNames: what tenants and users call themselves does nothing in a
// mail but stand there.
func TestHostileNames(t *testing.T) {
	w := outbox.NewWriter(t, "Harbour")
	for _, name := range []string{
		"<script>alert(1)</script>", `"><a href="https://evil.test">click</a>`, "{until} {product}", "Evil\r\nBcc: x@evil.test", "https://evil.test/login",
		strings.Repeat("long ", 60), "{{.Link}}", "x\n\nhttps://evil.test",
	} {
		l := sample(outbox.InvitationAsk)
		l.Values["organization"] = name
		m := w(l)
		if strings.ContainsAny(m.Subject, "\r\n") || len([]rune(m.Subject)) > 200 {
			t.Errorf("%q: the subject is %q", name, m.Subject)
		}
		if strings.Contains(m.HTML, "<script") || strings.Count(m.HTML, "<a ") != 2 {
			t.Errorf("%q: %s", name, m.HTML)
		}
		if n := strings.Count(m.Text, "://"); n != 1 {
			t.Errorf("%q: %d links:\n%s", name, n, m.Text)
		}
	}
	if got := outbox.Fill("{a} {b}", map[string]string{"a": "{b}", "b": "x"}); got != "{b} x" {
		t.Error(got)
	}
}

// TestLettersThatDoNotFit their kind are mistakes that show at once.
func TestLettersThatDoNotFit(t *testing.T) {
	good := sample(outbox.Invitation)
	for name, spoil := range map[string]func(*outbox.Letter){
		"unknown kind":  func(l *outbox.Letter) { l.Kind = "postcard" },
		"value missing": func(l *outbox.Letter) { l.Values = outbox.Values{"organization": "x"} },
		"value too many": func(l *outbox.Letter) {
			l.Values = outbox.Values{"organization": "x", "until": time.Now(), "role": "x"}
		},
		"value of no kind": func(l *outbox.Letter) { l.Values = outbox.Values{"organization": 7, "until": time.Now()} },
		"nobody":           func(l *outbox.Letter) { l.To = "" },
		"no link":          func(l *outbox.Letter) { l.Link = "" },
	} {
		l := good
		spoil(&l)
		if outbox.Check(l) == nil {
			t.Error(name)
		}
	}
	if err := outbox.Check(good); err != nil {
		t.Error(err)
	}
}

func TestTransportsThatAreNone(t *testing.T) {
	for _, setting := range []string{
		"", "log", "smtp:", "smtp://", "smtp://host:0", "smtp://host:99999", "smtp://host/path", "smtp://host?x=1", "imap://host", "file:/nothing/here", "file:",
		"file:" + testenv.ScratchDir(t) + "/missing",
	} {
		if _, err := outbox.ParseTransport(setting, slog.Default()); err == nil {
			t.Errorf("%q was taken", setting)
		}
	}
	if _, err := outbox.ParseTransport("smtp://user:hush@host:x/", slog.Default()); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v", err)
	}
}

func TestSenders(t *testing.T) {
	for _, from := range []string{"door@harbour.test", "Front Door <door@harbour.test>", "sallyport@[127.0.0.1]", "sallyport@localhost"} {
		if _, err := outbox.ParseSender(from); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}
