package web

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/saml"
)

type setupLinksView struct {
	AdminFrame
	Path     string
	NoSSO    bool // the edition does not include it
	URL      string
	Expires  time.Time
	Links    []setupLinkRow
	DraftURL string // what waits to be applied; empty: nothing
}

type setupLinkRow struct {
	Status, MadeBy      string
	Made, Expires, Used time.Time
	Revoke              string // path; empty: it has ended
}

// shownLinks is how many setup links a page lists.
const shownLinks = 20

// adminSetupLinks makes a setup link, shows it once, and lists the latest.
func (w *Web) adminSetupLinks(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	base := v.base + "/sso/" + p.ID
	view := setupLinksView{AdminFrame: v.adminFrame("sso", "setup.links"), Path: base + "/setup", NoSSO: v.organization.RequireSSO() != nil}
	if v.Method == http.MethodPost {
		n, err := w.SSO.CreateSetupLink(v.Context(), v.actor(), p.ID)
		if err != nil {
			return err
		}
		view.URL, view.Expires = n.URL, n.ExpiresAt
	}
	list, err := w.SSO.SetupLinks(v.Context(), v.actor(), p.ID, shownLinks)
	if err != nil {
		return err
	}
	now := w.DB.Now()
	for _, l := range list {
		row := setupLinkRow{Status: "open", MadeBy: l.MakerName, Made: l.CreatedAt, Expires: l.ExpiresAt, Used: l.UsedAt}
		switch {
		case !l.RevokedAt.IsZero():
			row.Status = "revoked"
		case !l.Open(now):
			row.Status = "expired"
		case l.Claimed():
			row.Status = "claimed"
		}
		if l.Open(now) {
			row.Revoke = base + "/setup/" + l.ID + "/revoke"
		}
		view.Links = append(view.Links, row)
	}
	if _, err := w.SSO.Draft(v.Context(), v.actor(), p.ID); err == nil {
		view.DraftURL = base + "/draft"
	} else if !errorIs(err, fault.NotFound) {
		return err
	}
	view.Up = Link{p.Name, base}
	return v.render(http.StatusOK, "admin_setup", view)
}

// adminRevokeSetupLink ends a setup link.
func (w *Web) adminRevokeSetupLink(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	base := v.base + "/sso/" + p.ID
	linkID := v.PathValue("link")
	if organizationID, known, err := w.SSO.OrganizationOfSetupLink(v.Context(), linkID); err != nil {
		return err
	} else if !id.SetupLink.Valid(linkID) || !known || organizationID != v.organization.ID {
		return fault.New(fault.NotFound, "")
	}
	f := v.newQuestion("sso", "setup.revoke_title", "setup.revoke", Link{v.request.text("setup.links"), base + "/setup"}, p.Name)
	f.point("setup.revoke_what")
	f.point("setup.revoke_draft")
	if !f.sent() {
		return f.show(nil)
	}
	if err := w.SSO.RevokeSetupLink(v.Context(), v.actor(), linkID); err != nil {
		return f.show(err)
	}
	v.say("done.setup_revoked", p.Name)
	return v.redirect(base + "/setup")
}

type draftView struct {
	AdminFrame
	Path      string
	Rows      []draftRow
	Keys      []draftKey
	Warnings  []string
	Enforced  bool
	Tested    bool
	Only      bool // only the choice of the Identity Provider was entered
	Version   string
	TestURL   string
	EnteredAt time.Time
	Errors    formErrors
}

// A draftRow is what a field is, and would be.
type draftRow struct {
	Name     string
	Old, New []string
	Changed  bool
}

// A draftKey is a certificate, and what becomes of it.
type draftKey struct {
	Fate, Subject, SHA256 string
	Until                 time.Time
}

// adminDraft shows what the holder of a setup link has entered beside what is
// there, and applies it.
func (w *Web) adminDraft(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	base := v.base + "/sso/" + p.ID
	d, err := w.SSO.Draft(v.Context(), v.actor(), p.ID)
	if err != nil {
		return err
	}
	if v.Method != http.MethodPost {
		return v.showDraft(http.StatusOK, base, &d, nil)
	}
	version, err := strconv.ParseInt(v.PostFormValue("version"), 10, 64)
	if err != nil || version <= 0 {
		return fault.New(fault.Malformed, "")
	}
	if d.Current.State == sso.Enforced && v.PostFormValue("acknowledge") == "" {
		err := fault.Invalid(fault.Field{Name: "acknowledge", Message: v.request.text("field.acknowledge.invalid")})
		return v.showDraft(v.note(err), base, &d, v.formErrors(err))
	}
	if _, err := w.SSO.ApplyDraft(v.Context(), v.actor(), p.ID, sso.Application{Version: version}); err != nil {
		if !errorIs(err, fault.Conflict) {
			return err
		}
		what, do := v.sentences(fault.From(err))
		status := v.note(err)
		return v.showDraft(status, base, &d, formErrors{{Message: what + ". " + do}})
	}
	v.say("done.draft_applied", p.Name)
	return v.redirect(base + "/test")
}

func (v *visit) showDraft(status int, base string, d *sso.DraftView, wrong formErrors) error {
	f := v.adminFrame("sso", "draft.title")
	view := draftView{AdminFrame: f, Path: base + "/draft", Enforced: d.Current.State == sso.Enforced, Tested: d.Tested(), Only: d.EntityID == "",
		Version: strconv.FormatInt(d.Version, 10), EnteredAt: d.UpdatedAt, TestURL: base + "/test", Errors: wrong}
	view.Up = Link{d.Current.Name, base}
	row := func(key string, old, new []string) {
		view.Rows = append(view.Rows, draftRow{f.T(key), old, new, !slices.Equal(old, new)})
	}
	now, next := d.Current.Profile, d.Proposed.Profile
	row("draft.idp", []string{idpTitle(now.IdP)}, []string{idpTitle(next.IdP)})
	row("draft.entity_id", some(now.EntityID), some(next.EntityID))
	row("draft.sso", endpoints(now.SSO), endpoints(next.SSO))
	row("draft.slo", endpoints(now.SLO), endpoints(next.SLO))
	row("draft.metadata_url", some(now.MetadataURL), some(next.MetadataURL))
	for _, c := range next.Certificates {
		fate := "added"
		if slices.ContainsFunc(now.Certificates, func(o sso.Certificate) bool { return o.SHA256 == c.SHA256 }) {
			fate = "kept"
		}
		view.Keys = append(view.Keys, newDraftKey(fate, &c))
	}
	for _, c := range now.Certificates {
		if !slices.ContainsFunc(next.Certificates, func(n sso.Certificate) bool { return n.SHA256 == c.SHA256 }) {
			view.Keys = append(view.Keys, newDraftKey("removed", &c))
		}
	}
	for _, one := range d.Proposed.Warnings {
		view.Warnings = append(view.Warnings, one.Detail)
	}
	return v.render(status, "admin_draft", view)
}

func newDraftKey(fate string, c *sso.Certificate) draftKey {
	return draftKey{fate, c.Subject.String(), fingerprint(c.SHA256), c.NotAfter}
}

// fingerprint writes a hash as people compare it.
func fingerprint(hexadecimal string) string {
	raw, err := hex.DecodeString(hexadecimal)
	if err != nil {
		return hexadecimal
	}
	var pairs []string
	for _, b := range raw {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(pairs, ":")
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// endpoints are the addresses of a profile's endpoints with their bindings.
func endpoints(list []saml.Endpoint) (texts []string) {
	for _, ep := range list {
		binding := "HTTP-Redirect"
		if ep.Binding == saml.HTTPPost {
			binding = "HTTP-POST"
		}
		texts = append(texts, ep.Location+" ("+binding+")")
	}
	return texts
}

// adminDiscardDraft throws a draft away.
func (w *Web) adminDiscardDraft(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	base := v.base + "/sso/" + p.ID
	if _, err := w.SSO.Draft(v.Context(), v.actor(), p.ID); err != nil {
		return err
	}
	f := v.newQuestion("sso", "draft.discard_title", "draft.discard", Link{v.request.text("draft.title"), base + "/draft"}, p.Name)
	f.point("draft.discard_what")
	if !f.sent() {
		return f.show(nil)
	}
	if err := w.SSO.DiscardDraft(v.Context(), v.actor(), p.ID); err != nil {
		return f.show(err)
	}
	v.say("done.draft_discarded", p.Name)
	return v.redirect(base + "/setup")
}
