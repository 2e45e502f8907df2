package web

import (
	"net/http"

	"sallyport/internal/access"
	"sallyport/internal/directory"
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
	Health    healthView
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
	view := overviewView{AdminFrame: v.adminFrame("overview", "overview.title"), SalesURL: w.cfg.SalesURL}
	set, err := v.setUp()
	if err != nil {
		return err
	}
	view.NoSSO, view.Users, view.Verified, view.Enforced = set.noSSO, set.users, set.verified, set.enforced
	view.Steps, view.SetUp = set.steps(&view.AdminFrame)
	view.attend(set.domains)
	view.Attention = append(view.Attention, v.notices(&view.AdminFrame, false)...)
	if view.Users.Owners < 2 {
		view.Attention = append(view.Attention, attention{view.T("overview.one_owner"), Link{view.T("overview.see_owners"), view.Base + "/roles"}})
	}
	if err := view.attendCodes(v); err != nil {
		return err
	}
	if view.Health, err = v.health(&view.AdminFrame); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_overview", view)
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
