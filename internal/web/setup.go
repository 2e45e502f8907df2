package web

import (
	"net/http"
	"strings"
	"time"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

// The pages of a setup link are for somebody without an account. The link opens
// them, and once it is some browser's own, that browser's cookie with it. They
// look at nobody's session, and no other page looks at this cookie.

// A SetupFrame is what every page of a setup link shows around its content.
type SetupFrame struct {
	Frame
	Path         string // of the link
	Organization string
	Profile      string
	Expires      time.Time
	Up           Link
}

func (r *request) setupFrame(key string, v *sso.Setup) SetupFrame {
	r.aside = true
	return SetupFrame{Frame: r.frame(key), Path: "/setup/" + r.PathValue("token"), Organization: v.Organization, Profile: v.Profile, Expires: v.Link.ExpiresAt}
}

// setupKey is what the browser shows of a link.
func (r *request) setupKey() sso.SetupKey {
	r.aside = true
	k := sso.SetupKey{Token: r.PathValue("token")}
	prefix := r.web.cookieName(cookieSetup)
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, prefix) && len(k.BrowserTokens) < maxSetups {
			k.BrowserTokens = append(k.BrowserTokens, c.Value)
		}
	}
	return k
}

// maxSetups is how many links one browser may hold.
const maxSetups = 20

// ownSetup makes the link the browser's own, if it is nobody's yet: every form of
// its pages begins with that.
func (r *request) ownSetup() (sso.SetupKey, error) {
	k := r.setupKey()
	linkID, token, err := r.web.SSO.ClaimSetup(r.Context(), r.actor(), k)
	if err != nil || token == "" {
		return k, err
	}
	r.setCookie(cookieSetup+strings.TrimPrefix(linkID, string(id.SetupLink)+"_"), token, setupCookieLife)
	k.BrowserTokens = append(k.BrowserTokens, token)
	return k, nil
}

// setupCookieLife is that of a link, and a little more.
const setupCookieLife = 73 * time.Hour

type setupView struct {
	SetupFrame
	Claimed  bool
	Products []formOption
	HasIdP   bool
	IdP      idpView // what was entered
	Warnings []string
	Testable bool
	Tests    []testRow
	Errors   formErrors
}

// setup shows what a link is for, and how far its holder is.
func (w *Web) setup(r *request) error {
	v, err := w.SSO.Setup(r.Context(), r.setupKey())
	if err != nil {
		return err
	}
	return r.showSetup(http.StatusOK, &v, nil)
}

func (r *request) showSetup(status int, v *sso.Setup, wrong formErrors) error {
	view := setupView{SetupFrame: r.setupFrame("setup.title", v), Claimed: v.Link.Claimed(), Testable: v.Testable, Errors: wrong}
	view.Title = view.T("setup.title", v.Profile)
	for _, g := range help.Guides() {
		view.Products = append(view.Products, formOption{Value: g.Slug, Text: g.Name, Chosen: g.Slug == v.IdP})
	}
	if view.HasIdP = v.Entered.EntityID != ""; view.HasIdP {
		view.IdP, view.Warnings = view.idp(&v.Entered, nil, time.Now()), view.warnings(v.Warnings)
	}
	for _, t := range v.Tests {
		view.Tests = append(view.Tests, testRow{URL: view.Path + "/test/" + t.ID, Status: string(t.Status), Code: string(t.Code), Began: t.CreatedAt})
	}
	r.allowForeignForms()
	return r.render(status, "setup", view)
}

// idpTitle is what an Identity Provider is called on its own.
func idpTitle(slug string) string {
	if g, ok := help.GuideFor(slug); ok {
		return g.Name
	}
	return slug
}

// claimSetup begins: from here on the link is the browser's own.
func (w *Web) claimSetup(r *request) error {
	if _, err := r.ownSetup(); err != nil {
		return err
	}
	return r.redirect("/setup/" + r.PathValue("token"))
}

// testSetup begins a test for the holder of a link, in a tab of its own.
func (w *Web) testSetup(r *request) error {
	k, err := r.ownSetup()
	if err != nil {
		return err
	}
	n, err := w.SSO.TestSetup(r.Context(), r.actor(), k)
	if err != nil {
		return err
	}
	return r.redirect(strings.TrimPrefix(n.StartURL, w.cfg.BaseURL))
}

type setupTestView struct {
	SetupFrame
	Test testResult
}

// setupTest shows a test that the holder of a link has asked for.
func (w *Web) setupTest(r *request) error {
	k := r.setupKey()
	if !id.ConnectionTest.Valid(r.PathValue("test")) {
		return fault.New(fault.NotFound, "")
	}
	t, err := w.SSO.SetupTest(r.Context(), k, r.PathValue("test"))
	if err != nil {
		return err
	}
	v, err := w.SSO.Setup(r.Context(), k)
	if err != nil {
		return err
	}
	view := setupTestView{SetupFrame: r.setupFrame("test.title", &v), Test: r.newTestResult(&t)}
	view.Up = Link{view.T("setup.title", v.Profile), view.Path}
	return r.render(http.StatusOK, "setup_test", view)
}
