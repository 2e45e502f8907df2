package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

// The last step of the way to SSO: domains are enforced with a profile, after a
// look at what that does, and released again on the same page.

type enforceView struct {
	AdminFrame
	Path, Profile string
	Choices       []enforceChoice
	CanKeep       bool   // the administrator has a password that could be kept
	Keep          bool   // and it is to be
	Email         string // the administrator's
	EndSessions   bool
	Result        *enforceResult // what the chosen domains would make of it
	Blocked       *enforceBlock  // why they can't be enforced
	Enforced      []enforcedDomain
	Events        []eventRow
	Confirm       string // what is typed where nobody would be left
	Errors        formErrors
}

// An enforceChoice is a domain that may be chosen.
type enforceChoice struct {
	ID, Name, URL string
	Status        access.DomainStatus
	Now           string // how it is now
	Chosen, Can   bool
}

// An enforcedDomain is one that the profile is enforced for.
type enforcedDomain struct{ ID, Name, URL, Release string }

// An enforceBlock is why nothing can be enforced, and where that is mended.
type enforceBlock struct {
	Code, Text string
	Link       Link
}

// An enforceResult is what an enforcement would do, in sentences.
type enforceResult struct {
	Title     string
	Sentences []enforceSentence
	NoOwner   bool // no owner is left who can get in without the Identity Provider
	Verb      string
}

type enforceSentence struct {
	Text string
	Link Link
	Who  []Link // some of them, by name
}

// An enforceForm is what was chosen.
type enforceForm struct {
	domainIDs         []string
	keep, endSessions bool
}

// adminEnforce shows what an enforcement would do, enforces, and releases.
func (w *Web) adminEnforce(v *visit) error {
	profile, err := v.profile()
	if err != nil {
		return err
	}
	if v.Method != http.MethodPost {
		return v.showEnforce(http.StatusOK, profile, v.enforceForm(), nil)
	}
	if v.PostForm.Has("release") {
		return v.release(profile, v.PostFormValue("release"))
	}
	return v.enforce(profile)
}

// profile reads the SSO profile that the path names.
func (v *visit) profile() (sso.View, error) {
	if !id.SSOProfile.Valid(v.PathValue("profile")) {
		return sso.View{}, fault.New(fault.NotFound, "")
	}
	return v.web.SSO.Profile(v.Context(), v.actor(), v.PathValue("profile"))
}

// enforceForm reads what the link or the form has chosen; nil for nothing yet.
func (v *visit) enforceForm() *enforceForm {
	values := v.URL.Query()
	if v.Method == http.MethodPost {
		values = v.PostForm
	}
	if !values.Has("chosen") {
		return nil
	}
	return &enforceForm{domainIDs: values["domain"], keep: values.Has("keep"), endSessions: values.Has("end_sessions")}
}

// release releases a domain: one step, and nothing in between.
func (v *visit) release(profile sso.View, domainID string) error {
	if !id.Domain.Valid(domainID) {
		return fault.New(fault.NotFound, "")
	}
	list, err := v.web.SSO.EnforceAll(v.Context(), v.actor(), v.organization.ID, []string{domainID}, sso.Enforcement{})
	if err != nil {
		return err
	}
	v.say("done.released", list[0].Name)
	return v.to("/sso/" + profile.ID + "/enforce")
}

// enforce takes the form.
func (v *visit) enforce(profile sso.View) error {
	chosen := v.enforceForm()
	if chosen == nil {
		chosen = &enforceForm{}
	}
	in, err := v.enforcement(profile, chosen)
	if err != nil {
		return err
	}
	told, err := v.web.SSO.PreviewAll(v.Context(), v.actor(), v.organization.ID, chosen.domainIDs, in)
	if err == nil {
		err = v.agreed(len(told.Warnings) > 0)
	}
	if err == nil {
		in.Acknowledged = len(told.Warnings) > 0 // what comes up later is told first
		_, err = v.web.SSO.EnforceAll(v.Context(), v.actor(), v.organization.ID, chosen.domainIDs, in)
	}
	if err != nil {
		f := fault.From(err)
		if s := f.Status(); s != http.StatusConflict && s != http.StatusUnprocessableEntity {
			return err
		}
		return v.showEnforce(v.note(err), profile, chosen, err)
	}
	f := Frame{Lang: v.lang, catalog: v.web.pages.catalog}
	v.say("done.enforced", f.N("enforce.users", told.ToSSO), profile.Name)
	return v.to("/sso/" + profile.ID + "/enforce")
}

// agreed refuses a form without its tick, and without the typed name where
// nobody would be left.
func (v *visit) agreed(nobody bool) error {
	var wrong []fault.Field
	if v.PostFormValue("acknowledge") == "" {
		wrong = append(wrong, fault.Field{Name: "acknowledge", Message: v.request.text("field.acknowledge.invalid")})
	}
	if nobody && !strings.EqualFold(strings.TrimSpace(v.PostFormValue("confirm")), v.organization.Name) {
		wrong = append(wrong, fault.Field{Name: "confirm", Message: v.web.pages.catalog.text(v.lang, "enforce.confirm_wrong", v.organization.Name)})
	}
	if wrong == nil {
		return nil
	}
	return fault.Invalid(wrong...)
}

// enforcement is the use case's input for a choice.
func (v *visit) enforcement(profile sso.View, chosen *enforceForm) (in sso.Enforcement, err error) {
	in = sso.Enforcement{ProfileID: profile.ID, EndSessions: chosen.endSessions, ExemptUserIDs: []string{}}
	if !chosen.keep {
		return in, nil
	}
	domains, err := v.domains()
	for _, d := range domains {
		if d.Name == v.identity.User.Domain && slices.Contains(chosen.domainIDs, d.ID) {
			in.ExemptUserIDs = []string{v.identity.User.ID}
		}
	}
	return in, err
}

// showEnforce shows the page. Without a choice the domains are proposed that
// can be enforced and are not.
func (v *visit) showEnforce(status int, profile sso.View, chosen *enforceForm, refused error) error {
	view := enforceView{AdminFrame: v.adminFrame("sso", "enforce.title"), Path: v.base + "/sso/" + profile.ID, Profile: profile.Name,
		Email: v.identity.User.Email, Confirm: v.organization.Name}
	view.Up = Link{profile.Name, view.Path}
	domains, err := v.domains()
	if err != nil {
		return err
	}
	if view.Stepper, err = v.stepper(&profile, stepEnforce); err != nil {
		return err
	}
	slices.SortFunc(domains, func(a, b directory.Domain) int { return cmp.Compare(a.Name, b.Name) })
	if chosen == nil {
		chosen = proposed(domains)
	}
	if err := view.choices(v, profile, domains, chosen); err != nil {
		return err
	}
	if view.Events, err = v.enforcements(domains); err != nil {
		return err
	}
	view.EndSessions = chosen.endSessions
	if len(chosen.domainIDs) > 0 {
		if err := view.result(v, profile, domains, chosen); err != nil {
			return err
		}
	}
	if refused != nil && view.Blocked == nil {
		view.Errors, view.Reference = v.formErrors(refused), v.ResponseWriter.Header().Get("Sallyport-Reference")
		if len(chosen.domainIDs) == 0 {
			view.Errors = formErrors{{Field: "domain-0", Message: view.T("enforce.choose")}}
		}
	}
	return v.render(status, "admin_enforce", view)
}

// proposed is the choice at first.
func proposed(domains []directory.Domain) *enforceForm {
	f := &enforceForm{keep: true}
	for _, d := range domains {
		if d.Status == access.DomainVerified && d.ProfileID == "" {
			f.domainIDs = append(f.domainIDs, d.ID)
		}
	}
	return f
}

// choices fills in what can be chosen, and what is enforced already.
func (e *enforceView) choices(v *visit, profile sso.View, domains []directory.Domain, chosen *enforceForm) error {
	profiles, err := v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	way, err := v.way(v.identity)
	if err != nil {
		return err
	}
	for _, d := range domains {
		path := e.Base + "/domains/" + d.ID
		if d.ProfileID == profile.ID {
			e.Enforced = append(e.Enforced, enforcedDomain{d.ID, d.Name, path, e.T("enforce.release", d.Name)})
			continue
		}
		c := enforceChoice{ID: d.ID, Name: d.Name, URL: path, Status: d.Status, Now: e.T("enforce.not_enforced"),
			Can: d.Status == access.DomainVerified || d.ProfileID != "", Chosen: slices.Contains(chosen.domainIDs, d.ID)}
		for _, p := range profiles {
			if p.ID == d.ProfileID {
				c.Now = e.T("enforce.enforced_with", p.Name)
			}
		}
		if !c.Can {
			c.Now = e.T("enforce.prove_first")
		}
		e.Choices = append(e.Choices, c)
		e.CanKeep = e.CanKeep || d.Name == v.identity.User.Domain && c.Can && way.Method == access.MethodPassword && v.identity.User.SSO == access.SSOInherit
	}
	e.Keep = chosen.keep && e.CanKeep
	return nil
}

// result fills in what the choice would do, or why it can't be done.
func (e *enforceView) result(v *visit, profile sso.View, domains []directory.Domain, chosen *enforceForm) error {
	in, err := v.enforcement(profile, chosen)
	if err != nil {
		return err
	}
	told, err := v.web.SSO.PreviewAll(v.Context(), v.actor(), v.organization.ID, chosen.domainIDs, in)
	if err != nil {
		return e.blocked(v, profile, err)
	}
	var names []string
	query := url.Values{}
	for _, d := range domains {
		if slices.Contains(chosen.domainIDs, d.ID) {
			names = append(names, d.Name)
		}
	}
	if len(names) == 1 {
		query.Set("domain", names[0])
	}
	r := &enforceResult{Title: strings.Join(names, ", "), NoOwner: len(told.Warnings) > 0, Verb: e.T("enforce.verb", strings.Join(names, ", "))}
	if len(names) > 1 {
		r.Verb = e.T("enforce.verb_many", e.Number(int64(len(names))))
	}
	left := func(reason access.Reason) Link {
		query.Set("reason", string(reason))
		return Link{e.T("enforce.who"), e.Base + "/users/without-sso?" + query.Encode()}
	}
	r.say(e.T("enforce.to_sso", e.Number(told.ToSSO), e.N("enforce.users", told.Total), r.Title, profile.Name), Link{})
	if told.Changed != told.ToSSO {
		r.say(e.N("enforce.changed", told.Changed), Link{})
	}
	r.count(told.NeverActive, e.N("enforce.never_active", told.NeverActive), Link{e.T("enforce.who"), e.Base + "/users?status=invited"})
	if kept := told.KeepPassword - int64(len(told.Exempt)); kept > 0 {
		r.say(e.N("enforce.keep", kept), left(access.ReasonSSODisabledForUser))
		if r.Sentences[len(r.Sentences)-1].Who, err = e.exempt(v, names); err != nil {
			return err
		}
	}
	r.count(told.Enabled, e.N("enforce.enabled", told.Enabled), Link{e.T("enforce.who"), e.Base + "/users?sso=enabled"})
	r.count(told.Deactivated, e.N("enforce.deactivated", told.Deactivated), left(access.ReasonUserDeactivated))
	r.count(told.Independent, e.N("enforce.independent", told.Independent), Link{e.T("enforce.import"), e.Base + "/imports"})
	switch {
	case len(told.Exempt) > 0:
		r.say(e.T("enforce.self_keeps", e.Email), Link{})
	case told.Self:
		r.say(e.T("enforce.self_changes", e.Email), Link{})
	}
	if told.OwnersLeft > 0 {
		r.say(e.N("enforce.owners", told.OwnersLeft), Link{})
	}
	r.say(e.T(map[bool]string{true: "enforce.sessions_end", false: "enforce.sessions_stay"}[chosen.endSessions]), Link{})
	e.Result = r
	return nil
}

// namedAtMost is how many of those who keep a password are named on the page.
const namedAtMost = 10

// exempt names some of those at the domains for whom SSO is switched off.
func (e *enforceView) exempt(v *visit, domains []string) (who []Link, err error) {
	for _, name := range domains {
		found, err := v.web.Directory.Users(v.Context(), v.actor(), directory.UserQuery{OrganizationID: v.organization.ID, Domain: name,
			Reason: access.ReasonSSODisabledForUser, Page: directory.Page{Limit: namedAtMost - len(who)}})
		if err != nil {
			return nil, err
		}
		for _, u := range found.Items {
			who = append(who, Link{u.User.Email, e.Base + "/users/" + u.User.ID})
		}
		if len(who) >= namedAtMost {
			break
		}
	}
	return who, nil
}

func (r *enforceResult) say(text string, link Link) {
	r.Sentences = append(r.Sentences, enforceSentence{Text: text, Link: link})
}

// count says a number, unless there is nobody to count.
func (r *enforceResult) count(n int64, text string, link Link) {
	if n > 0 {
		r.say(text, link)
	}
}

// blocked tells why the choice can't be enforced. What the page has no words for
// is the page of that error.
func (e *enforceView) blocked(v *visit, profile sso.View, err error) error {
	f := fault.From(err)
	to := map[fault.Code]Link{
		fault.SSOProfileNotTested: {e.T("enforce.go_test"), e.Path + "/test"},
		fault.SSOProfileDisabled:  {e.T("enforce.go_profile"), e.Path},
		fault.DomainNotVerified:   {e.T("enforce.go_domains"), e.Base + "/domains"},
		fault.EditionRequired:     {e.T("overview.sales"), v.web.cfg.SalesURL},
		fault.CodeInvalid:         {},
	}
	link, known := to[f.Code]
	if !known {
		return err
	}
	what, do := v.sentences(f)
	e.Blocked = &enforceBlock{Code: string(f.Code), Text: what + ". " + do, Link: link}
	if f.Code == fault.CodeInvalid {
		e.Blocked.Text = e.T("enforce.choose")
	}
	return nil
}

// enforcements are the latest changes of how domains are enforced.
func (v *visit) enforcements(domains []directory.Domain) (rows []eventRow, err error) {
	var found []audit.Event
	for _, d := range domains[:min(len(domains), 20)] {
		for _, action := range []audit.Action{audit.DomainEnforced, audit.DomainReleased} {
			some, err := v.find(audit.Query{TargetID: d.ID, Action: string(action), Limit: 5})
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
	}
	slices.SortFunc(found, func(a, b audit.Event) int { return cmp.Compare(b.ID, a.ID) })
	for i := range found[:min(len(found), 5)] {
		rows = append(rows, v.eventRow(&found[i]))
	}
	return rows, nil
}

type withoutSSOView struct {
	AdminFrame
	Reason, Domain string
	Reasons        []formOption
	Domains        []formOption
	Users          []withoutSSORow
	Next, First    string
}

type withoutSSORow struct {
	userRow
	Why string
}

// adminWithoutSSO lists who does not sign in by SSO, and why.
func (w *Web) adminWithoutSSO(v *visit) error {
	q := v.URL.Query()
	view := withoutSSOView{AdminFrame: v.adminFrame("users", "without.title"), Reason: q.Get("reason"), Domain: q.Get("domain")}
	view.Up = v.upToUsers()
	after := q.Get("after")
	if len(after) > 100 || len(view.Domain) > 253 {
		return fault.New(fault.Malformed, "")
	}
	found, err := w.Directory.Users(v.Context(), v.actor(), directory.UserQuery{OrganizationID: v.organization.ID, WithoutSSO: true,
		Reason: access.Reason(view.Reason), Domain: view.Domain, Page: directory.Page{After: after, Limit: pageSize}})
	if err != nil {
		return err
	}
	for _, u := range found.Items {
		view.Users = append(view.Users, withoutSSORow{view.row(u), view.Word("reason", string(u.SignIn.Reason))})
	}
	link := url.Values{}
	for name, value := range map[string]string{"reason": view.Reason, "domain": view.Domain} {
		if value != "" {
			link.Set(name, value)
		}
	}
	if after != "" {
		view.First = "?" + link.Encode()
	}
	if found.Next != "" {
		link.Set("after", found.Next)
		view.Next = "?" + link.Encode()
	}
	view.Reasons = []formOption{{Text: view.T("users.any"), Chosen: view.Reason == ""}}
	for _, r := range []access.Reason{access.ReasonNotEnforced, access.ReasonSSODisabledForUser, access.ReasonUserDeactivated} {
		view.Reasons = append(view.Reasons, formOption{Value: string(r), Text: view.Word("reason", string(r)), Chosen: view.Reason == string(r)})
	}
	domains, err := v.domains()
	view.Domains = []formOption{{Text: view.T("users.any"), Chosen: view.Domain == ""}}
	for _, d := range domains {
		view.Domains = append(view.Domains, formOption{Value: d.Name, Text: d.Name, Chosen: view.Domain == d.Name})
	}
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_without_sso", view)
}
