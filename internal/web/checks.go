package web

import (
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"sallyport/internal/record"
	"sallyport/internal/sso"
	"sallyport/saml"
)

// A testStep is one of the checks that people read, for several of the rules.
type testStep struct {
	Name, Status string
	Found        string // where it has passed
	Faults       []testFault
}

// A testFault is a rule that does not hold, or is worth a warning.
type testFault struct {
	Code, Expected, Found, Note string
	English                     bool // the note is not translated
}

type testAttribute struct{ Name, Values string }

// steps are the checks that people read, in their order, with the rules that each
// stands for.
var steps = []struct {
	name  string
	rules []string
}{
	{"rate", []string{record.CheckRate}},
	{"password", []string{record.CheckPassword}},
	{"recovery_code", []string{record.CheckCode}},
	{"profile", []string{sso.CheckProfile}},
	{"received", []string{"response", "size"}},
	{"decoded", []string{"base64"}},
	{"well_formed", []string{"xml", "message"}},
	{"reported", []string{"status"}},
	{"signature", []string{"assertions", "signature", "signature_algorithm", "signature_integrity", "certificate", "certificate_dates"}},
	{"decryption", []string{"decryption"}},
	{"issuer", []string{"issuer"}},
	{"audience", []string{"audience", "conditions"}},
	{"destination", []string{"destination", "recipient", "subject_confirmation"}},
	{"time", []string{"not_before", "not_on_or_after", "subject_confirmation_time", "issue_instant", "session"}},
	{"replay", []string{"request", "replay"}},
	{"authentication", []string{"authn_statement", "authn_context"}},
	{"nameid", []string{"nameid", "nameid_format"}},
	{"email", []string{"nameid_email"}},
	{"domain", []string{sso.CheckDomain}},
	{"user", []string{sso.CheckUser}},
	{"browser", []string{record.CheckBrowser}},
	{"ticket", []string{record.CheckTicket}},
	{"configuration", []string{sso.CheckConfiguration}},
}

// Limits of what a page shows of a message; the API has more of it.
const (
	shownMessage    = 20 << 10 // octets, as they stand in the page
	shownAttributes = 30
	shownText       = 160 // characters of a value
	shownWhy        = 800 // of a finding, with its values
	shownAttribute  = 160 // octets of the name of an attribute
)

// newTestSteps sums up checks, and names the first step that has failed.
func (r *request) newTestSteps(f Frame, checks []record.Check) (list []testStep, failed string) {
	for _, s := range steps {
		step := r.newTestStep(f, s.name, s.rules, checks)
		if step.Status == string(saml.Failed) && failed == "" {
			failed = step.Name
		}
		if step.Status != "" {
			list = append(list, step)
		}
	}
	return list, failed
}

func newTestAttributes(attributes []record.Attribute) (list []testAttribute) {
	for _, a := range attributes[:min(len(attributes), shownAttributes)] {
		name, more := firstOf(a.Name, shownAttribute)
		if more {
			name += "…"
		}
		list = append(list, testAttribute{name, abridge(strings.Join(a.Values, ", "))})
	}
	return list
}

// newTestStep sums up what the rules of a step say; its status is empty if there
// is nothing to say.
func (r *request) newTestStep(f Frame, name string, rules []string, checks []record.Check) testStep {
	step := testStep{Name: f.Word("test_step", name)}
	worst := map[saml.Status]int{saml.NotReached: 1, saml.Passed: 2, saml.Warning: 3, saml.Failed: 4}
	for _, c := range checks {
		if !slices.Contains(rules, c.Name) {
			continue
		}
		if worst[c.Status] > worst[saml.Status(step.Status)] {
			step.Status = string(c.Status)
		}
		switch c.Status {
		case saml.Failed, saml.Warning:
			note, english := c.Note, true
			if text, ok := r.web.pages.catalog.find(r.lang, "test_note."+string(c.Code)); ok && c.Name == sso.CheckUser {
				note, english = text, false
			}
			step.Faults = append(step.Faults, testFault{string(c.Code), abridge(c.Expected), abridge(c.Found), note, english})
		case saml.Passed:
			if step.Found == "" {
				step.Found = abridge(c.Found)
			}
		}
	}
	onlyWhereWrong := name == "profile" || name == "configuration"
	if onlyWhereWrong && step.Status != string(saml.Failed) {
		step.Status = ""
	}
	if name == "decryption" && step.Status == string(saml.NotReached) && reached(checks, "issuer") {
		step.Status = "not_needed"
	}
	if name == "user" && step.Status == string(saml.NotReached) && reached(checks, sso.CheckDomain) && passed(checks, sso.CheckDomain) {
		step.Status = "not_told"
	}
	return step
}

func reached(checks []record.Check, name string) bool {
	for _, c := range checks {
		if c.Name == name && c.Status != saml.NotReached {
			return true
		}
	}
	return false
}

func passed(checks []record.Check, name string) bool {
	for _, c := range checks {
		if c.Name == name && c.Status == saml.Passed {
			return true
		}
	}
	return false
}

// abridge cuts a text that a sender may have made long.
func abridge(s string) string { return abridgeTo(s, shownText) }

// abridgeTo cuts it to so many characters, and to so many octets in the page as
// most writings need for them.
func abridgeTo(s string, most int) string {
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	if first, more := firstOf(s, 3*most+3); more {
		return first + "…"
	}
	return s
}

// firstOf cuts a text to what fits into a page once it is escaped.
func firstOf(s string, limit int) (first string, more bool) {
	if len(s) > limit {
		s, more = s[:limit], true
	}
	for over := len(html.EscapeString(s)) - limit; over > 0 && len(s) > 0; over = len(html.EscapeString(s)) - limit {
		s, more = s[:max(0, len(s)-max(over/5, 1))], true
	}
	return strings.ToValidUTF8(s, ""), more
}
