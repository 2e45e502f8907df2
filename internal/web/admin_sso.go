package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"sallyport/help"
	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
)

// SSOAccess tells what can be done with SSO profiles here, and why not more.
type SSOAccess struct {
	ByOperator bool // the operator manages the profile
	Lapsed     bool // SSO is not in the edition
	Open       bool // neither: it can be changed
	SalesURL   string
}

// ssoAccess is that to a profile; nil for the section as a whole.
func (v *visit) ssoAccess(p *sso.View) SSOAccess {
	a := SSOAccess{Lapsed: !v.organization.Edition.IncludesSSO(), SalesURL: v.web.cfg.SalesURL}
	a.ByOperator = p != nil && p.ManagedBy == sso.ManagedByOperator
	a.Open = !a.Lapsed && !a.ByOperator
	return a
}

// A profileTag is where a profile stands, as every page words it.
type profileTag struct {
	State    sso.State
	Text     string
	Operator string // that the operator manages it; empty: it does not
}

func (f Frame) profileTag(p *sso.View) profileTag {
	tag := profileTag{State: p.State, Text: f.Word("profile_state", string(p.State))}
	if untested(p) {
		tag.Text = f.T("profiles.not_tested_since", tag.Text)
	}
	if p.ManagedBy == sso.ManagedByOperator {
		tag.Operator = f.T("profiles.by_operator")
	}
	return tag
}

// untested reports whether a profile is enforced and was changed since its test.
func untested(p *sso.View) bool {
	return slices.ContainsFunc(p.Warnings, func(w sso.Warning) bool { return w.Code == "enforced_not_tested" })
}

// product is what an Identity Provider is called by its maker.
func (f Frame) product(slug string) string {
	if g, ok := help.GuideFor(slug); ok {
		return g.Name
	}
	return f.Word("idp", slug)
}

type ssoView struct {
	AdminFrame
	SSOAccess
	Profiles []profileRow
}

type profileRow struct {
	URL, Name, Product string
	Tag                profileTag
	Domains            string // that are enforced with it
	Until              string // when the last of its certificates expires
	Soon               bool
}

// adminProfiles lists the SSO profiles. Without SSO in the edition it tells what
// that brings.
func (w *Web) adminProfiles(v *visit) error {
	list, err := w.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	domains, err := v.domains()
	if err != nil {
		return err
	}
	view := ssoView{AdminFrame: v.adminFrame("sso", "profiles.title"), SSOAccess: v.ssoAccess(nil)}
	for i := range list {
		p := &list[i]
		row := profileRow{URL: v.base + "/sso/" + p.ID, Name: p.Name, Product: view.product(p.IdP), Tag: view.profileTag(p)}
		var names []string
		for _, d := range domains {
			if d.ProfileID == p.ID {
				names = append(names, d.Name)
			}
		}
		if row.Domains = strings.Join(names[:min(len(names), 3)], ", "); len(names) > 3 {
			row.Domains = view.T("profiles.and_more", row.Domains, view.Number(int64(len(names)-3)))
		}
		var until time.Time
		for _, c := range p.Certificates {
			if c.NotAfter.After(until) {
				until = c.NotAfter
			}
		}
		if !until.IsZero() {
			row.Until, row.Soon = until.UTC().Format(time.DateOnly), time.Now().Add(certificateNotice).After(until)
		}
		view.Profiles = append(view.Profiles, row)
	}
	return v.render(http.StatusOK, "admin_sso", view)
}

// A stepRow is a step of the setup of a profile.
type stepRow struct {
	Number, Text, URL string
	Done, Here        bool
	Label, DoneWord   string // for screen readers
}

// Steps of the setup, by the last part of their URL.
const (
	stepDomain  = "domain"
	stepProduct = "product"
	stepIdP     = "idp"
	stepTest    = "test"
	stepEnforce = "enforce"
)

// stepper is the setup of a profile, or of one that is about to be made, with the
// step that the page is. Done steps stay open.
func (v *visit) stepper(p *sso.View, here string) ([]stepRow, error) {
	domains, err := v.domains()
	if err != nil {
		return nil, err
	}
	done := map[string]bool{stepDomain: slices.ContainsFunc(domains, func(d directory.Domain) bool { return d.Status.Held() })}
	path := v.base + "/sso/new#"
	if p != nil {
		path = v.base + "/sso/" + p.ID + "/"
		done[stepProduct], done[stepIdP] = true, p.EntityID != ""
		done[stepTest] = p.State == sso.Tested || p.State == sso.Enforced && !untested(p)
		done[stepEnforce] = p.State == sso.Enforced
	}
	f := Frame{Lang: v.lang, catalog: v.web.pages.catalog}
	var rows []stepRow
	for i, step := range []string{stepDomain, stepProduct, stepIdP, stepTest, stepEnforce} {
		row := stepRow{Number: f.Number(int64(i + 1)), Text: f.Word("setup_step", step), URL: path + step, Done: done[step], Here: step == here,
			Label: f.T("profiles.steps"), DoneWord: f.T("overview.done")}
		if p == nil && step == stepDomain {
			row.URL = v.base + "/domains"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// nextStep is the first that is left.
func nextStep(rows []stepRow) Link {
	for _, row := range rows {
		if !row.Done {
			return Link{row.Text, row.URL}
		}
	}
	return Link{}
}

func (v *visit) upToProfiles() Link { return Link{v.request.text("profiles.title"), v.base + "/sso"} }

// changeable reads the profile that the path names for who is about to change
// it.
func (v *visit) changeable() (p sso.View, err error) {
	if p, err = v.profile(); err != nil {
		return p, err
	}
	switch a := v.ssoAccess(&p); {
	case a.ByOperator:
		return p, fault.New(fault.Forbidden, v.request.text("profiles.by_operator_what"))
	case a.Lapsed:
		return p, v.organization.RequireSSO()
	}
	return p, nil
}

func (v *visit) toProfile(p *sso.View) error { return v.to("/sso/" + p.ID) }

// profileFrame is the frame of a page about a profile.
func (v *visit) profileFrame(p *sso.View, here string) AdminFrame {
	f := v.adminFrame("sso", "profiles.title")
	f.Title, f.Up = p.Name, v.upToProfiles()
	f.Tabs = f.profileTabs(p.ID, here)
	return f
}

// stepFrame is the frame of a step of a profile's setup.
func (v *visit) stepFrame(p *sso.View, step string) AdminFrame {
	f := v.profileFrame(p, "")
	f.Tabs = nil
	f.Title, f.Up = f.Word("setup_step", step), Link{p.Name, v.base + "/sso/" + p.ID}
	return f
}

// profileTabs are the pages about a profile.
func (f *AdminFrame) profileTabs(profileID, here string) (tabs []Tab) {
	path := f.Base + "/sso/" + profileID
	for _, tab := range []struct{ key, path string }{
		{"admin.details", ""}, {"profiles.options", "/options"}, {"certificates.title", "/certificates"}, {"keys.title", "/keys"}, {"admin.history", "/history"},
	} {
		tabs = append(tabs, Tab{Link{f.T(tab.key), path + tab.path}, tab.path == here})
	}
	return tabs
}

// products are the Identity Providers to choose from.
func (f *form) products(value string) *formField {
	field := formField{Name: "idp", Kind: fieldRadio, Label: f.T("profiles.product"), Hint: f.T("profiles.product_hint"), Value: value}
	for _, slug := range sso.Products {
		field.Options = append(field.Options, formOption{Value: slug, Text: f.product(slug)})
	}
	return f.add(field)
}

// adminNewProfile makes a draft for the chosen Identity Provider, and leads to
// its guide.
func (w *Web) adminNewProfile(v *visit) error {
	if err := v.organization.RequireSSO(); err != nil {
		return err
	}
	f := v.newForm("sso", "profiles.new", "profiles.next", v.upToProfiles())
	var err error
	if f.Stepper, err = v.stepper(nil, stepProduct); err != nil {
		return err
	}
	f.lead("profiles.new_lead")
	f.products("")
	name := f.text("name", "profiles.name", "")
	name.Hint = f.T("profiles.name_hint")
	if !f.sent() {
		return f.show(nil)
	}
	idp, called := v.PostFormValue("idp"), strings.TrimSpace(v.PostFormValue("name"))
	if called == "" && slices.Contains(sso.Products, idp) {
		called = f.product(idp)
	}
	p, err := w.SSO.Create(v.Context(), v.actor(), v.organization.ID, sso.Input{Name: &called, IdP: &idp})
	if err != nil {
		return f.show(err)
	}
	v.say("done.profile_created", p.Name)
	return v.to("/sso/" + p.ID + "/" + stepIdP)
}

type profileDomainView struct {
	AdminFrame
	Domains  []profileDomain
	Verified bool
	Next     string
}

type profileDomain struct {
	URL, Name string
	Status    access.DomainStatus
	Enforced  bool
}

// adminProfileDomain is the first step: whose addresses sign in.
func (w *Web) adminProfileDomain(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	domains, err := v.domains()
	if err != nil {
		return err
	}
	view := profileDomainView{AdminFrame: v.stepFrame(&p, stepDomain), Next: v.base + "/sso/" + p.ID + "/" + stepIdP}
	if view.Stepper, err = v.stepper(&p, stepDomain); err != nil {
		return err
	}
	for _, d := range domains {
		view.Domains = append(view.Domains, profileDomain{v.base + "/domains/" + d.ID, d.Name, d.Status, d.ProfileID != ""})
		view.Verified = view.Verified || d.Status.Held()
	}
	return v.render(http.StatusOK, "admin_profile_domain", view)
}
