package web

import (
	"net/http"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

type setupIdPView struct {
	SetupFrame
	exchangeView
}

type setupReadingView struct {
	SetupFrame
	readingView
}

// chooseProduct takes the choice of the Identity Provider into the draft.
func (w *Web) chooseProduct(r *request) error {
	k, err := r.ownSetup()
	if err != nil {
		return err
	}
	product := r.PostFormValue("idp")
	err = w.SSO.EnterSetup(r.Context(), r.actor(), k, sso.Input{IdP: &product})
	if err == nil {
		return r.redirect("/setup/" + r.PathValue("token") + "/idp")
	}
	if fault.From(err).Status() != http.StatusUnprocessableEntity {
		return err
	}
	v, e := w.SSO.Setup(r.Context(), k)
	if e != nil {
		return e
	}
	return r.showSetup(r.note(err), &v, r.formErrors(err))
}

// exchange is the step for the holder of a setup link: what is saved is the
// draft.
func (r *request) exchange(k sso.SetupKey, s *sso.Setup) *exchange {
	frame := r.setupFrame("setup.idp", s)
	frame.Title = frame.T("setup.idp", idpTitle(s.IdP))
	frame.Up = Link{frame.T("setup.title", s.Profile), frame.Path}
	x := &exchange{visit: &visit{request: r}, base: frame.Path + "/idp", saved: &s.Entered, access: SSOAccess{Open: true}, frame: AdminFrame{Frame: frame.Frame},
		ours: help.Values{EntityID: s.URLs.EntityID, ACSURL: s.URLs.ACS, MetadataURL: s.URLs.Metadata, SLOURL: s.URLs.SLO},
		verb: "setup.save", saidOn: frame.Path + "#read"}
	x.read = func(way sso.Source, in sso.Input) (sso.Reading, error) {
		return r.web.SSO.ReadSetup(r.Context(), r.actor(), k, way, in)
	}
	x.agree, x.agreed = func(*form) {}, func(*form) error { return nil } // whoever applies the draft agrees
	x.save = func(readingID, entityID string) error {
		return r.web.SSO.AcceptSetup(r.Context(), r.actor(), k, readingID, entityID)
	}
	x.show = func(status int, view exchangeView) error {
		return r.render(status, "setup_idp", setupIdPView{frame, view})
	}
	x.showReading = func(status int, view readingView) error {
		return r.render(status, "setup_reading", setupReadingView{frame, view})
	}
	return x
}

// holderKey is what the browser shows of a link, which a form makes its own.
func (r *request) holderKey() (sso.SetupKey, error) {
	if r.Method == http.MethodPost {
		return r.ownSetup()
	}
	return r.setupKey(), nil
}

// setupIdP shows the guide for the chosen Identity Provider with our values, and
// reads its own.
func (w *Web) setupIdP(r *request) error {
	k, err := r.holderKey()
	if err != nil {
		return err
	}
	v, err := w.SSO.Setup(r.Context(), k)
	if err != nil {
		return err
	}
	if !v.Link.Claimed() {
		return r.redirect("/setup/" + r.PathValue("token"))
	}
	return r.exchange(k, &v).enter()
}

// setupReading shows what was read of the Identity Provider, and keeps it as a
// draft.
func (w *Web) setupReading(r *request) error {
	k, err := r.holderKey()
	if err != nil {
		return err
	}
	if !id.SSOReading.Valid(r.PathValue("reading")) {
		return fault.New(fault.NotFound, "")
	}
	read, v, err := w.SSO.SetupReading(r.Context(), k, r.PathValue("reading"))
	if err != nil {
		return err
	}
	return r.exchange(k, &v).reading(&read)
}
