package web

import (
	"net/http"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/proof"
)

type domainsView struct {
	AdminFrame
	Domains []domainRow
	Next    string
	First   string
}

type domainRow struct {
	Name, URL string
	Status    access.DomainStatus
	Enforced  bool
	Verified  time.Time
}

func (w *Web) adminDomains(v *visit) error {
	after, err := v.after(id.Domain)
	if err != nil {
		return err
	}
	list, err := w.Directory.Domains(v.Context(), v.actor(), v.organization.ID, directory.Page{After: after, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	view := domainsView{AdminFrame: v.adminFrame("domains", "domains.title")}
	if len(list) > pageSize {
		list = list[:pageSize]
		view.Next = "?after=" + list[pageSize-1].ID
	}
	if after != "" {
		view.First = "?"
	}
	for _, d := range list {
		view.Domains = append(view.Domains, domainRow{d.Name, v.base + "/domains/" + d.ID, d.Status, d.ProfileID != "", d.VerifiedAt})
	}
	return v.render(http.StatusOK, "admin_domains", view)
}

// domains reads all domains of the organization.
func (v *visit) domains() (list []directory.Domain, err error) {
	p := all
	for {
		found, err := v.web.Directory.Domains(v.Context(), v.actor(), v.organization.ID, p)
		if list = append(list, found...); err != nil || len(found) < p.Limit {
			return list, err
		}
		p.After = found[len(found)-1].ID
	}
}

func (v *visit) upToDomains() Link { return Link{v.request.text("domains.title"), v.base + "/domains"} }

// adminClaimDomain claims a domain; its page then tells how to prove it.
func (w *Web) adminClaimDomain(v *visit) error {
	f := v.newForm("domains", "domains.new", "domains.claim", v.upToDomains())
	f.lead("domains.new_lead")
	suggested, err := v.suggestedDomain()
	if err != nil {
		return err
	}
	name := f.text("name", "domains.name", suggested)
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

// suggestedDomain is what an organization without a domain most likely claims:
// that of the address of whoever is asked. Empty: nothing is likely.
func (v *visit) suggestedDomain() (string, error) {
	list, err := v.web.Directory.Domains(v.Context(), v.actor(), v.organization.ID, directory.Page{Limit: 1})
	if err != nil || len(list) > 0 {
		return "", err
	}
	identity, err := v.visitor()
	if err != nil {
		return "", err
	}
	_, name, _ := strings.Cut(identity.User.Email, "@")
	if directory.Claimable(name) != nil {
		return "", nil
	}
	return name, nil
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
	Path       string
	Name       string
	Status     access.DomainStatus
	Proof      directory.Proof
	Method     string // how it was proved; empty: never
	Vouched    bool   // on the operator's word
	Disputed   bool
	Verified   time.Time
	Claimed    time.Time
	LapsesAt   time.Time
	Enforced   bool
	EnforceURL string    // where it is released
	Checked    time.Time // when the proof was looked for last
	NextCheck  time.Time
	Sightings  []sightingRow
	Refused    string // what came of looking for the proof
}

// A sightingRow is what one resolver showed.
type sightingRow struct{ Resolver, TXT, File, Why string }

func (w *Web) adminDomain(v *visit) error {
	d, err := v.domain()
	if err != nil {
		return err
	}
	return v.showDomain(http.StatusOK, &d, "")
}

func (v *visit) showDomain(status int, d *directory.Domain, refused string) error {
	view := domainView{
		AdminFrame: v.adminFrame("domains", "domains.title"), Path: v.base + "/domains/" + d.ID, Name: d.Name, Status: d.Status, Proof: d.Proof(),
		Vouched: d.Vouched(), Disputed: !d.DisputedAt.IsZero(), Verified: d.VerifiedAt, Claimed: d.CreatedAt, LapsesAt: d.LapsesAt(),
		Enforced: d.ProfileID != "", EnforceURL: v.base + "/sso/" + d.ProfileID + "/enforce", Checked: d.Check.Findings.At, NextCheck: d.Check.NextAt, Refused: refused,
	}
	if d.Status.Held() {
		view.Method = view.Word("proof_method", string(d.Method))
	}
	for _, s := range d.Check.Findings.Sightings {
		row := sightingRow{Resolver: s.Resolver, TXT: view.Word("outcome", string(s.TXT))}
		if s.TXT == proof.Other && len(s.Values) > 0 {
			row.TXT = view.Word("outcome", "older")
		}
		switch {
		case s.File != "":
			row.File = view.Word("outcome", string(s.File))
		case s.MX == proof.None:
			row.File = view.T("domains.no_mx")
		}
		if s.Reason != "" {
			row.Why = view.Word("outbound", string(s.Reason))
		}
		view.Sightings = append(view.Sightings, row)
	}
	view.Title, view.Up = d.Name, v.upToDomains()
	view.tabs(view.Path, false)
	return v.render(status, "admin_domain", view)
}

// adminCheckDomain looks for the proof now.
func (w *Web) adminCheckDomain(v *visit) error {
	d, err := v.domain()
	if err != nil {
		return err
	}
	checked, err := w.Directory.CheckDomain(v.Context(), v.actor(), d.ID)
	switch {
	case err == nil:
		v.say("done.domain_checked", d.Name)
		return v.to("/domains/" + d.ID)
	case errorIs(err, fault.DomainProofMissing), errorIs(err, fault.DomainVerifiedElsewhere):
		d = checked
	case errorIs(err, fault.RateLimited), errorIs(err, fault.Overloaded):
	default:
		return err
	}
	status := v.note(err)
	what, do := v.sentences(fault.From(err))
	return v.showDomain(status, &d, what+". "+do)
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
