package web

import (
	"html"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/saml"
)

// testLife is for how long the browser that started a test sees its result.
const testLife = 24 * time.Hour

// startTest sends whoever opens the start URL of a test to the Identity Provider.
func (w *Web) startTest(r *request) error {
	if r.prefetching() {
		r.WriteHeader(http.StatusNoContent)
		return nil
	}
	r.aside = true
	d, err := w.SSO.StartTest(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	r.bind(d.BrowserToken, testLife)
	return r.leave(d)
}

// finishTest is where the browser comes back to from a test.
func (w *Web) finishTest(r *request) error {
	r.aside = true
	v, err := w.SSO.FinishTest(r.Context(), r.actor(), r.URL.Query().Get("ticket"), r.browserTokens())
	if err != nil {
		return err
	}
	return r.redirect("/test/" + v.ID + "/result")
}

type testResultView struct {
	Frame
	Test testResult
	Link string // of the permanent page, for those who may see it
}

// testResult shows a test to the browser that started it.
func (w *Web) testResult(r *request) error {
	r.aside = true
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	v, err := w.SSO.TestSeenBy(r.Context(), r.actor(), r.PathValue("token"), r.browserTokens())
	if err != nil {
		return err
	}
	view := testResultView{Frame: r.room("test.title", "")}
	view.Test = r.newTestResult(&v)
	if identity != nil && identity.User.OrganizationID == v.OrganizationID && identity.User.Role.Administers() {
		view.Link = testPath(&v)
		view.Test.forAdministrator(&view.Frame, &v)
	}
	return r.render(http.StatusOK, "test_result", view)
}

// testPath is the permanent page of a test.
func testPath(v *sso.TestView) string {
	return "/admin/" + v.OrganizationID + "/sso/" + v.ProfileID + "/test/" + v.ID
}

// forAdministrator adds what leads into the Admin Center.
func (t *testResult) forAdministrator(f *Frame, v *sso.TestView) {
	t.WhoURL = whoURL(v)
	path := "/admin/" + v.OrganizationID + "/sso/" + v.ProfileID
	switch {
	case v.Status != sso.TestPassed:
	case v.Draft:
		t.Next = Link{f.T("setup.look"), path + "/draft"}
	case v.Counted:
		t.Next = Link{f.T("overview.step.enforce"), path + "/" + stepEnforce}
	}
}

// whoURL is the page of the user whom a test has named.
func whoURL(v *sso.TestView) string {
	if !id.User.Valid(v.UserID) {
		return ""
	}
	return "/admin/" + v.OrganizationID + "/users/" + v.UserID
}

// A testResult is what the template "test-result" shows.
type testResult struct {
	Status     string // passed, failed, pending
	Verdict    string
	After      string // what follows from it
	Next       Link   // for an administrator
	Code       string
	Steps      []testStep
	Fix        diagnosis
	Who        string // the address that would have been signed in
	WhoName    string
	WhoURL     string
	Attributes []testAttribute
	Message    string
	Cut        bool // the message goes on
	Withheld   bool // what was found is not told here
	AskedBy    string
	OfDraft    bool
	Began      time.Time
	Ended      time.Time
}

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
	{"configuration", []string{sso.CheckConfiguration}},
}

// Limits of what a page shows of a message; the API has more of it.
const (
	shownMessage    = 20 << 10 // octets, as they stand in the page
	shownAttributes = 30
	shownText       = 160 // characters of a value
	shownWhy        = 800 // of a finding, with its values
)

func (r *request) newTestResult(v *sso.TestView) testResult {
	f := r.frame("test.title")
	t := testResult{Status: string(v.Status), Code: string(v.Code), Who: v.Email, WhoName: v.UserName, AskedBy: v.AskedBy, OfDraft: v.Draft, Withheld: v.Withheld,
		Began: v.CreatedAt, Ended: v.AnsweredAt}
	failed := ""
	for _, s := range steps {
		step := r.newTestStep(f, s.name, s.rules, v.Checks)
		if step.Status == string(saml.Failed) && failed == "" {
			failed = step.Name
		}
		if step.Status != "" {
			t.Steps = append(t.Steps, step)
		}
	}
	switch v.Status {
	case sso.TestPassed:
		t.Verdict = f.T("test.passed")
		switch {
		case v.Draft:
			t.After = f.T("test.passed_draft")
		case v.Counted || len(v.Checks) == 0:
			t.After = f.T("test.passed_after")
		}
	case sso.TestFailed:
		if t.Verdict = f.T("test.failed"); failed != "" {
			t.Verdict = f.T("test.failed_at", failed)
		}
		t.Fix = f.diagnosis(v.IdP, &v.Diagnosis)
	default:
		if t.Verdict = f.T("test.pending"); v.StartedAt.IsZero() {
			t.After = f.T("test.not_started")
		} else {
			t.After = f.T("test.at_idp")
		}
	}
	for _, a := range v.Attributes[:min(len(v.Attributes), shownAttributes)] {
		t.Attributes = append(t.Attributes, testAttribute{abridge(a.Name), abridge(strings.Join(a.Values, ", "))})
	}
	t.Message, t.Cut = firstOf(v.Message, shownMessage)
	t.Cut = t.Cut || v.Cut
	return t
}

// newTestStep sums up what the rules of a step say; its status is empty if there
// is nothing to say.
func (r *request) newTestStep(f Frame, name string, rules []string, checks []sso.TestCheck) testStep {
	step := testStep{Name: f.Word("test_step", name)}
	worst := map[saml.Status]int{saml.NotReached: 1, saml.Passed: 2, saml.Warning: 3, saml.Failed: 4}
	for _, c := range checks {
		if !contains(rules, c.Name) {
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

func reached(checks []sso.TestCheck, name string) bool {
	for _, c := range checks {
		if c.Name == name && c.Status != saml.NotReached {
			return true
		}
	}
	return false
}

func passed(checks []sso.TestCheck, name string) bool {
	for _, c := range checks {
		if c.Name == name && c.Status == saml.Passed {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// abridge cuts a text that a sender may have made long.
func abridge(s string) string { return abridgeTo(s, shownText) }

func abridgeTo(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
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
