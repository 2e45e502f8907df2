package web

import (
	"net/http"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/sso"
)

type overviewView struct {
	AdminFrame
	Steps     []setupStep
	SetUp     bool // all steps are done
	NoSSO     bool // not in the edition
	SalesURL  string
	Users     directory.UserCounts
	Verified  int64 // domains
	Enforced  int64 // of these
	Attention []attention
	Refused   []eventRow
}

// A setupStep is one of what a newcomer does, in this order.
type setupStep struct {
	Text, Hint, URL string
	Done, Next      bool // Next: the first that is not done
}

// An attention is something that somebody should look at, and where.
type attention struct {
	Text string
	Link Link
}

// all is a page that holds every SSO profile of an organization, of which there
// are at most a hundred, and as many domains as a form offers.
var all = directory.Page{Limit: 200}

// adminOverview tells in one screen what is left to set up and what needs
// attention.
func (w *Web) adminOverview(v *visit) error {
	ctx, actor, organizationID := v.Context(), v.actor(), v.organization.ID
	domains, err := v.domains()
	if err != nil {
		return err
	}
	profiles, err := w.SSO.Profiles(ctx, actor, organizationID, all)
	if err != nil {
		return err
	}
	view := overviewView{AdminFrame: v.adminFrame("overview", "overview.title"),
		NoSSO: !v.organization.Edition.IncludesSSO(), SalesURL: w.cfg.SalesURL}
	if view.Users, err = w.Directory.CountUsers(ctx, actor, organizationID); err != nil {
		return err
	}
	for _, d := range domains {
		if d.Status.Held() {
			view.Verified++
		}
		if d.ProfileID != "" {
			view.Enforced++
		}
	}
	view.steps(profiles)
	view.attend(domains)
	view.Attention = append(view.Attention, v.notices(&view.AdminFrame, false)...)
	if view.Users.Owners < 2 {
		view.Attention = append(view.Attention, attention{view.T("overview.one_owner"), Link{view.T("overview.see_owners"), view.Base + "/roles"}})
	}
	if err := view.attendCodes(v); err != nil {
		return err
	}
	view.Refused, err = v.events(audit.Query{Action: string(audit.SignInRefused), Since: time.Now().Add(-7 * 24 * time.Hour), Limit: 5})
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_overview", view)
}

// steps fills in the checklist. Those of SSO are about the profile that is
// furthest.
func (o *overviewView) steps(profiles []sso.View) {
	order := []sso.State{sso.Draft, sso.Configured, sso.Tested, sso.Enforced}
	rank, path := -1, ""
	for _, p := range profiles {
		if at := slices.Index(order, p.State); at > rank {
			rank, path = at, o.Base+"/sso/"+p.ID
		}
	}
	create, test, enforce := o.Base+"/sso/new", "", "" // there is nothing to test without one
	if rank >= 0 {
		create, test, enforce = path+"/"+stepIdP, path+"/"+stepTest, path+"/"+stepEnforce
	}
	configured, tested := rank >= slices.Index(order, sso.Configured), rank >= slices.Index(order, sso.Tested)
	o.Steps = []setupStep{
		{Text: o.T("overview.step.domain"), Hint: o.T("overview.step.domain_hint"), URL: o.Base + "/domains", Done: o.Verified > 0},
		{Text: o.T("overview.step.users"), Hint: o.T("overview.step.users_hint"), URL: o.Base + "/users", Done: o.Users.Total > 1},
	}
	if !o.NoSSO {
		o.Steps = append(o.Steps,
			setupStep{Text: o.T("overview.step.profile"), Hint: o.T("overview.step.profile_hint"), URL: create, Done: configured},
			setupStep{Text: o.T("overview.step.test"), Hint: o.T("overview.step.test_hint"), URL: test, Done: tested},
			setupStep{Text: o.T("overview.step.enforce"), Hint: o.T("overview.step.enforce_hint"), URL: enforce, Done: o.Enforced > 0})
	}
	o.SetUp = true
	for i := range o.Steps {
		s := &o.Steps[i]
		s.Next = o.SetUp && !s.Done
		o.SetUp = o.SetUp && s.Done
	}
}

// attend collects what of domains needs attention.
func (o *overviewView) attend(domains []directory.Domain) {
	for _, d := range domains {
		key := map[access.DomainStatus]string{
			access.DomainPending: o.T("overview.pending", d.Name),
			access.DomainLapsing: o.T("overview.lapsing", d.Name),
			access.DomainFrozen:  o.T("overview.frozen", d.Name),
		}[d.Status]
		if key != "" {
			o.Attention = append(o.Attention, attention{key, Link{o.T("overview.see_domain"), o.Base + "/domains/" + d.ID}})
		}
		if !d.DisputedAt.IsZero() {
			o.Attention = append(o.Attention, attention{o.T("overview.disputed", d.Name), Link{o.T("overview.see_domain"), o.Base + "/domains/" + d.ID}})
		}
	}
}
