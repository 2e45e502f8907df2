package web

import (
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

// exchange is the step of a profile, for an administrator.
func (v *visit) exchange(p *sso.View) (*exchange, error) {
	x := &exchange{visit: v, base: v.base + "/sso/" + p.ID + "/" + stepIdP, saved: &p.Profile, access: v.ssoAccess(p), ours: v.ours(p),
		frame: v.stepFrame(p, stepIdP), verb: "profiles.save_idp", saidOn: v.base + "/sso/" + p.ID}
	var err error
	if x.frame.Stepper, err = v.stepper(p, stepIdP); err != nil {
		return nil, err
	}
	x.read = func(way sso.Source, in sso.Input) (sso.Reading, error) {
		return v.web.SSO.ReadIdP(v.Context(), v.actor(), p.ID, way, in)
	}
	x.agree = func(f *form) { v.acknowledgeEnforced(f, p) }
	x.agreed = func(f *form) error { return v.acknowledgedEnforced(f, p) }
	x.save = func(readingID, entityID string) error {
		saved, err := v.web.SSO.Accept(v.Context(), v.actor(), p.ID, readingID, entityID)
		if err == nil {
			v.saved(&saved)
		}
		return err
	}
	x.show = func(status int, view exchangeView) error {
		view.Delegate = v.base + "/sso/" + p.ID + "/setup"
		return v.render(status, "admin_profile_idp", view)
	}
	x.showReading = func(status int, view readingView) error { return v.render(status, "admin_profile_reading", view) }
	return x, nil
}

// adminProfileIdP shows what each side has to know of the other, and reads what
// is given of the Identity Provider.
func (w *Web) adminProfileIdP(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	x, err := v.exchange(&p)
	if err != nil {
		return err
	}
	return x.enter()
}

// adminProfileReading shows what was read of an Identity Provider, and saves it.
func (w *Web) adminProfileReading(v *visit) error {
	p, err := v.changeable()
	if err != nil {
		return err
	}
	if !id.SSOReading.Valid(v.PathValue("reading")) {
		return fault.New(fault.NotFound, "")
	}
	r, err := w.SSO.Reading(v.Context(), v.actor(), p.ID, v.PathValue("reading"))
	if err != nil {
		return err
	}
	x, err := v.exchange(&p)
	if err != nil {
		return err
	}
	return x.reading(&r)
}
