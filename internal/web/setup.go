package web

import (
	"errors"
	"io"
	"mime/multipart"
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
	IdP      string
	Products []formOption
	Read     setupRead
	Testable bool
	Tests    []testRow
	Errors   formErrors
}

// setupRead is what was read of the Identity Provider.
type setupRead struct {
	EntityID string
	SSO, SLO []string
	Keys     []draftKey
	Warnings []string
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
	view := setupView{SetupFrame: r.setupFrame("setup.title", v), Claimed: v.Link.Claimed(), IdP: idpTitle(v.IdP), Testable: v.Testable, Errors: wrong}
	view.Title = view.T("setup.title", v.Profile)
	for _, g := range help.Guides() {
		view.Products = append(view.Products, formOption{Value: g.Slug, Text: g.Name, Chosen: g.Slug == v.IdP})
	}
	view.Read = newSetupRead(v)
	for _, t := range v.Tests {
		view.Tests = append(view.Tests, testRow{URL: view.Path + "/test/" + t.ID, Status: string(t.Status), Code: string(t.Code), Began: t.CreatedAt})
	}
	r.allowForeignForms()
	return r.render(status, "setup", view)
}

func newSetupRead(v *sso.Setup) (read setupRead) {
	if v.Draft == nil || v.Draft.EntityID == "" {
		return read
	}
	read.EntityID, read.SSO, read.SLO = v.Draft.EntityID, endpoints(v.Draft.SSO), endpoints(v.Draft.SLO)
	for _, c := range v.Draft.Certificates {
		read.Keys = append(read.Keys, draftKey{"added", c.Subject.String(), fingerprint(sso.Fingerprint(c)), c.NotAfter})
	}
	for _, one := range v.Warnings {
		read.Warnings = append(read.Warnings, one.Detail)
	}
	return read
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

type setupIdPView struct {
	SetupFrame
	Guide    guideView
	Metadata string // the URL of ours
	Read     setupRead
	Entered  setupEntered
	Errors   formErrors
}

// setupEntered is what stands in the fields of the form.
type setupEntered struct{ EntityID, SSOURL, SLOURL string }

// setupIdP shows the guide for the chosen Identity Provider with our values, and
// takes its own.
func (w *Web) setupIdP(r *request) error {
	v, err := w.SSO.Setup(r.Context(), r.setupKey())
	if err != nil {
		return err
	}
	if !v.Link.Claimed() {
		return r.redirect("/setup/" + r.PathValue("token"))
	}
	return r.showSetupIdP(http.StatusOK, &v, setupEntered{}, nil)
}

func (r *request) showSetupIdP(status int, v *sso.Setup, entered setupEntered, wrong formErrors) error {
	view := setupIdPView{SetupFrame: r.setupFrame("setup.idp", v), Metadata: v.URLs.Metadata, Read: newSetupRead(v), Entered: entered, Errors: wrong}
	g, ok := help.GuideFor(v.IdP)
	if !ok {
		g, _ = help.GuideFor("other")
	}
	view.Guide = newGuide(g, help.Values{EntityID: v.URLs.EntityID, ACSURL: v.URLs.ACS, MetadataURL: v.URLs.Metadata, SLOURL: v.URLs.SLO})
	view.Title, view.Up = view.T("setup.idp", g.Name), Link{view.T("setup.title", v.Profile), view.Path}
	return r.render(status, "setup_idp", view)
}

// maxUpload bounds the form with metadata.
const maxUpload = 6 << 20

// enterSetup takes the choice of the Identity Provider, or its data, into the
// draft.
func (w *Web) enterSetup(r *request) error {
	k, err := r.ownSetup()
	if err != nil {
		return err
	}
	form, err := r.uploaded()
	if err != nil {
		return err
	}
	in, entered, err := setupInput(form)
	if err == nil {
		err = w.SSO.EnterSetup(r.Context(), r.actor(), k, in)
	}
	switch refused := fault.From(err); {
	case err == nil && in.MetadataXML == nil && in.EntityID == nil:
		return r.redirect("/setup/" + r.PathValue("token") + "/idp")
	case err == nil:
		return r.redirect("/setup/" + r.PathValue("token") + "#read")
	case refused.Status() != http.StatusUnprocessableEntity && refused.Status() != http.StatusConflict:
		return err
	}
	v, e := w.SSO.Setup(r.Context(), k)
	if e != nil {
		return e
	}
	status := r.note(err)
	wrong := r.formErrors(err)
	if len(wrong) == 0 {
		what, do := r.sentences(fault.From(err))
		wrong = formErrors{{Message: what + ". " + do}}
	}
	if in.IdP != nil {
		return r.showSetup(status, &v, wrong)
	}
	return r.showSetupIdP(status, &v, entered, wrong)
}

// uploaded reads a form with or without a file.
func (r *request) uploaded() (*multipart.Form, error) {
	r.allowBody(maxUpload)
	err := r.ParseMultipartForm(maxUpload)
	if errors.Is(err, http.ErrNotMultipart) {
		return &multipart.Form{Value: r.PostForm}, nil
	}
	if errors.As(err, new(*http.MaxBytesError)) {
		return nil, fault.New(fault.TooLarge, "Metadata of one Identity Provider has at most 5 MiB.")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Malformed, "")
	}
	return r.MultipartForm, nil
}

// setupInput reads what the form says: a file, a text, or single fields.
func setupInput(form *multipart.Form) (in sso.Input, entered setupEntered, err error) {
	value := func(name string) string {
		if v := form.Value[name]; len(v) > 0 {
			return strings.TrimSpace(v[0])
		}
		return ""
	}
	if idp := value("idp"); idp != "" {
		in.IdP = &idp
		return in, entered, nil
	}
	entered = setupEntered{value("entity_id"), value("sso_url"), value("slo_url")}
	doc := value("metadata_xml")
	if files := form.File["file"]; len(files) > 0 && files[0].Size > 0 {
		f, err := files[0].Open()
		if err != nil {
			return in, entered, err
		}
		defer f.Close()
		raw, err := io.ReadAll(f)
		if err != nil {
			return in, entered, err
		}
		doc = string(raw)
	}
	if doc != "" {
		if in.MetadataXML = &doc; entered.EntityID != "" {
			in.EntityID = &entered.EntityID // which of several
		}
		return in, entered, nil
	}
	in.EntityID, in.SSOURL = &entered.EntityID, &entered.SSOURL
	if entered.SLOURL != "" {
		in.SLOURL = &entered.SLOURL
	}
	in.Certificates = []string{value("certificates")}
	return in, entered, nil
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
