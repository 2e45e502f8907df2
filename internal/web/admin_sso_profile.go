package web

import (
	"net/http"
	"net/url"
	"time"

	"sallyport/help"
	"sallyport/internal/audit"
	"sallyport/internal/record"
	"sallyport/internal/sso"
)

type profileView struct {
	AdminFrame
	SSOAccess
	Path, Name, Notes   string
	IdPName             string
	Tag                 profileTag
	Setup               []stepRow // until the profile is enforced
	Next                Link
	Warnings            []string
	Domains             []Link // that are enforced with it
	InUse               bool
	CanSwitch           bool // disable, enable, delete
	HasIdP              bool
	IdP                 idpView
	Ours                help.Values
	Options             []string // those that are not as at first
	TestedAt, CreatedAt time.Time
	ProfileID           string
	SignIns             []attemptRow
}

// ours are our values of a profile.
func (v *visit) ours(p *sso.View) help.Values {
	urls := v.web.SSO.URLs(p.ID)
	return help.Values{EntityID: urls.EntityID, ACSURL: urls.ACS, MetadataURL: urls.Metadata, SLOURL: urls.SLO}
}

// adminProfile shows one profile.
func (w *Web) adminProfile(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	domains, err := v.domains()
	if err != nil {
		return err
	}
	view := profileView{
		AdminFrame: v.profileFrame(&p, ""), SSOAccess: v.ssoAccess(&p), Path: v.base + "/sso/" + p.ID, Name: p.Name, Notes: p.Notes,
		HasIdP: p.EntityID != "", Ours: v.ours(&p), TestedAt: p.TestedAt, CreatedAt: p.CreatedAt,
		ProfileID: p.ID,
	}
	view.IdPName, view.Tag, view.Warnings = view.product(p.IdP), view.profileTag(&p), view.warnings(p.Warnings)
	view.CanSwitch, view.Options = view.Open, view.options(&p.Options)
	if p.State != sso.Enforced || untested(&p) {
		if view.Setup, err = v.stepper(&p, ""); err != nil {
			return err
		}
		view.Next = nextStep(view.Setup)
	}
	for _, d := range domains {
		if d.ProfileID == p.ID {
			view.Domains = append(view.Domains, Link{d.Name, v.base + "/domains/" + d.ID})
		}
	}
	view.InUse = len(view.Domains) > 0
	if view.HasIdP {
		view.IdP = view.idp(&p.Profile, nil, time.Now())
	}
	if view.SignIns, err = v.latest(&view.AdminFrame, record.Query{ProfileID: p.ID}); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_profile", view)
}

// warnings tells what is worth a second look, each once.
func (f Frame) warnings(list []sso.Warning) (texts []string) {
	told := map[string]bool{}
	for _, w := range list {
		text := w.Detail // written in English, and knows more than the catalogue
		if f.Lang != defaultLanguage {
			text = f.Word("warning", w.Code)
		}
		if !told[text] {
			told[text] = true
			texts = append(texts, text)
		}
	}
	return texts
}

func (w *Web) adminProfileHistory(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	view := auditView{AdminFrame: v.profileFrame(&p, "/history")}
	return v.showLog(view, audit.Query{TargetID: p.ID}, url.Values{})
}

// profileForm begins a form about the profile that the path names.
func (v *visit) profileForm(title, verb string, question bool) (*form, sso.View, error) {
	p, err := v.changeable()
	if err != nil {
		return nil, p, err
	}
	up := Link{p.Name, v.base + "/sso/" + p.ID}
	if question {
		return v.newQuestion("sso", title, verb, up, p.Name), p, nil
	}
	return v.newForm("sso", title, verb, up), p, nil
}

func (w *Web) adminRenameProfile(v *visit) error {
	f, p, err := v.profileForm("profiles.rename", "profiles.save", false)
	if err != nil {
		return err
	}
	f.text("name", "profiles.name", p.Name).Required = true
	f.add(formField{Name: "notes", Kind: fieldTextarea, Label: f.T("profiles.notes"), Hint: f.T("profiles.notes_hint"), Value: p.Notes, Rows: 5})
	if !f.sent() {
		return f.show(nil)
	}
	name, notes := v.PostFormValue("name"), v.PostFormValue("notes")
	return v.changeProfile(f, &p, sso.Input{Name: &name, Notes: &notes}, "")
}

// changeProfile makes a change and leads on: to a page of the profile.
func (v *visit) changeProfile(f *form, p *sso.View, in sso.Input, to string) error {
	changed, err := v.web.SSO.Update(v.Context(), v.actor(), p.ID, in)
	if err != nil {
		return f.show(err)
	}
	v.saved(&changed)
	return v.to("/sso/" + p.ID + to)
}

// saved says what came of a change.
func (v *visit) saved(p *sso.View) {
	if untested(p) {
		v.say("done.profile_untested", p.Name)
		return
	}
	v.say("done.profile_saved", p.Name)
}

// adminProfileProduct changes which Identity Provider it is: the guide, and in
// whose words a failed test is explained.
func (w *Web) adminProfileProduct(v *visit) error {
	f, p, err := v.profileForm("profiles.change_product", "profiles.next", false)
	if err != nil {
		return err
	}
	if f.Stepper, err = v.stepper(&p, stepProduct); err != nil {
		return err
	}
	f.products(p.IdP)
	if !f.sent() {
		return f.show(nil)
	}
	idp := v.PostFormValue("idp")
	return v.changeProfile(f, &p, sso.Input{IdP: &idp}, "/"+stepIdP)
}

func (w *Web) adminDisableProfile(v *visit) error {
	f, p, err := v.profileForm("profiles.disable_title", "profiles.disable", true)
	if err != nil {
		return err
	}
	f.point("profiles.disable_what")
	f.point("profiles.disable_keeps")
	return v.switchProfile(f, &p, sso.Disabled, "done.profile_disabled")
}

func (w *Web) adminEnableProfile(v *visit) error {
	f, p, err := v.profileForm("profiles.enable_title", "profiles.enable", true)
	if err != nil {
		return err
	}
	f.Danger = false
	f.point("profiles.enable_what")
	return v.switchProfile(f, &p, sso.Configured, "done.profile_enabled")
}

func (v *visit) switchProfile(f *form, p *sso.View, to sso.State, done string) error {
	if !f.sent() {
		return f.show(nil)
	}
	if _, err := v.web.SSO.Update(v.Context(), v.actor(), p.ID, sso.Input{State: &to}); err != nil {
		return f.show(err)
	}
	v.say(done, p.Name)
	return v.toProfile(p)
}

func (w *Web) adminRemoveProfile(v *visit) error {
	f, p, err := v.profileForm("profiles.remove_title", "profiles.remove", true)
	if err != nil {
		return err
	}
	f.point("profiles.remove_what")
	f.point("profiles.remove_instead")
	if !f.sent() {
		return f.show(nil)
	}
	if err := w.SSO.Delete(v.Context(), v.actor(), p.ID); err != nil {
		return f.show(err)
	}
	v.say("done.profile_removed", p.Name)
	return v.to("/sso")
}
