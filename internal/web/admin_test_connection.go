package web

import (
	"net/http"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

type testsView struct {
	AdminFrame
	Path     string
	State    sso.State
	NoIdP    bool
	Off      bool // disabled
	NoSSO    bool // the edition does not include it
	HasDraft bool
	Next     Link // once it is tested
	Tests    []testRow
}

type testRow struct {
	URL, Status, Code, AskedBy string
	OfDraft                    bool
	Began                      time.Time
}

// shownTests is how many tests a page lists.
const shownTests = 20

// adminTestConnection begins a test, in a tab of its own, and lists the latest.
func (w *Web) adminTestConnection(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	base := v.base + "/sso/" + p.ID
	v.allowForeignForms()
	if v.Method == http.MethodPost {
		n, err := w.SSO.NewTest(v.Context(), v.actor(), p.ID, v.PostFormValue("draft") != "")
		if err != nil {
			return err
		}
		return v.redirect(strings.TrimPrefix(n.StartURL, w.cfg.BaseURL))
	}
	list, err := w.SSO.Tests(v.Context(), v.actor(), p.ID, shownTests)
	if err != nil {
		return err
	}
	d, err := w.SSO.Draft(v.Context(), v.actor(), p.ID)
	if err != nil && !errorIs(err, fault.NotFound) {
		return err
	}
	view := testsView{AdminFrame: v.adminFrame("sso", "test.title"), Path: base + "/test", State: p.State, NoIdP: p.Profile.EntityID == "",
		Off: p.Disabled, NoSSO: v.organization.RequireSSO() != nil, HasDraft: err == nil && d.EntityID != ""}
	view.Up = Link{p.Name, base}
	if view.Stepper, err = v.stepper(&p, stepTest); err != nil {
		return err
	}
	if p.State == sso.Tested {
		view.Next = Link{view.T("overview.step.enforce"), base + "/" + stepEnforce}
	}
	for _, t := range list {
		view.Tests = append(view.Tests, testRow{testPath(&t), string(t.Status), string(t.Code), t.AskedBy, t.Draft, t.CreatedAt})
	}
	v.allowForeignForms()
	return v.render(http.StatusOK, "admin_test", view)
}

type adminTestView struct {
	AdminFrame
	Path string
	Test testResult
}

// test reads the test that the path names.
func (v *visit) test() (t sso.TestView, err error) {
	if !id.ConnectionTest.Valid(v.PathValue("test")) {
		return t, fault.New(fault.NotFound, "")
	}
	t, err = v.web.SSO.Test(v.Context(), v.actor(), v.PathValue("test"))
	if err == nil && t.ProfileID != v.PathValue("profile") {
		err = fault.New(fault.NotFound, "")
	}
	return t, err
}

// adminTestResult is the permanent page of a test, for 30 days.
func (w *Web) adminTestResult(v *visit) error {
	t, err := v.test()
	if err != nil {
		return err
	}
	view := adminTestView{AdminFrame: v.adminFrame("sso", "test.title"), Path: testPath(&t), Test: v.newTestResult(&t)}
	view.Test.forAdministrator(&view.Frame, &t)
	view.Up = Link{view.T("test.up"), v.base + "/sso/" + t.ProfileID + "/test"}
	if t.Status == sso.TestPending {
		view.Refresh = 5
	}
	return v.render(http.StatusOK, "admin_test_result", view)
}

// adminTestMessage hands out the decoded message, as far as it is kept.
func (w *Web) adminTestMessage(v *visit) error {
	t, err := v.test()
	if err != nil {
		return err
	}
	if t.Message == "" {
		return fault.New(fault.NotFound, "No message is kept of this test.")
	}
	h := v.ResponseWriter.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+t.ID+`.xml"`)
	_, err = v.ResponseWriter.Write([]byte(t.Message))
	return err
}
