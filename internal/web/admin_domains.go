package web

import (
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

type domainsView struct {
	AdminFrame
	Domains []domainRow
}

type domainRow struct {
	Name, URL string
	Status    access.DomainStatus
	Enforced  bool
	Verified  time.Time
}

func (w *Web) adminDomains(v *visit) error {
	list, err := w.Directory.Domains(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	view := domainsView{AdminFrame: v.adminFrame("domains", "domains.title")}
	for _, d := range list {
		view.Domains = append(view.Domains, domainRow{d.Name, v.base + "/domains/" + d.ID, d.Status, d.ProfileID != "", d.VerifiedAt})
	}
	return v.render(http.StatusOK, "admin_domains", view)
}

func (v *visit) upToDomains() Link { return Link{v.request.text("domains.title"), v.base + "/domains"} }

// adminClaimDomain claims a domain; its page then tells how to prove it.
func (w *Web) adminClaimDomain(v *visit) error {
	f := v.newForm("domains", "domains.new", "domains.claim", v.upToDomains())
	f.lead("domains.new_lead")
	name := f.text("name", "domains.name", "")
	name.Hint, name.Required, name.Max, name.word = f.T("domains.name_hint"), true, 253, "domain_name"
	if !f.sent() {
		return f.show(nil)
	}
	d, err := w.Directory.ClaimDomain(v.Context(), v.actor(), v.organization.ID, v.PostFormValue("name"))
	if err != nil {
		return f.show(err)
	}
	v.say("done.domain_claimed", d.Name)
	return v.to("/domains/" + d.ID)
}

// domain reads the domain that the path names.
func (v *visit) domain() (directory.Domain, error) {
	if !id.Domain.Valid(v.PathValue("domain")) {
		return directory.Domain{}, fault.New(fault.NotFound, "")
	}
	return v.web.Directory.DomainByID(v.Context(), v.actor(), v.PathValue("domain"))
}

type domainView struct {
	AdminFrame
	Name     string
	Status   access.DomainStatus
	Proof    directory.Proof
	Verified time.Time
	Claimed  time.Time
	Enforced bool
	Path     string
}

func (w *Web) adminDomain(v *visit) error {
	d, err := v.domain()
	if err != nil {
		return err
	}
	view := domainView{AdminFrame: v.adminFrame("domains", "domains.title"), Name: d.Name, Status: d.Status, Proof: d.Proof(),
		Verified: d.VerifiedAt, Claimed: d.CreatedAt, Enforced: d.ProfileID != "", Path: v.base + "/domains/" + d.ID}
	view.Title, view.Up = d.Name, v.upToDomains()
	view.tabs(view.Path, false)
	return v.render(http.StatusOK, "admin_domain", view)
}

// adminRemoveDomain gives a domain up.
func (w *Web) adminRemoveDomain(v *visit) error {
	d, err := v.domain()
	if err != nil {
		return err
	}
	f := v.newQuestion("domains", "domains.remove_title", "domains.remove", Link{d.Name, v.base + "/domains/" + d.ID}, d.Name)
	f.point("domains.remove_what")
	f.point("domains.remove_users")
	if !f.sent() {
		return f.show(nil)
	}
	if err := w.Directory.DeleteDomain(v.Context(), v.actor(), d.ID); err != nil {
		return f.show(err)
	}
	v.say("done.domain_removed", d.Name)
	return v.to("/domains")
}
