package web

import (
	"net/http"
	"time"

	"sallyport/internal/id"
	"sallyport/internal/sso"
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

func (r *request) newTestResult(v *sso.TestView) testResult {
	f := r.frame("test.title")
	t := testResult{Status: string(v.Status), Code: string(v.Code), Who: v.Email, WhoName: v.UserName, AskedBy: v.AskedBy, OfDraft: v.Draft, Withheld: v.Withheld,
		Began: v.CreatedAt, Ended: v.AnsweredAt}
	var failed string
	t.Steps, failed = r.newTestSteps(f, v.Checks)
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
	t.Attributes = newTestAttributes(v.Attributes)
	t.Message, t.Cut = firstOf(v.Message, shownMessage)
	t.Cut = t.Cut || v.Cut
	return t
}
