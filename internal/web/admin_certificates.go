package web

import (
	"crypto/x509"
	"net/http"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

// These pages are about what an SSO profile trusts: certificates, and the
// metadata that they come from.

type certificatesView struct {
	AdminFrame
	Path     string
	Managed  bool // by the operator: nobody here changes anything
	Metadata feedRow
	Other    otherRow
	Used     []trustedRow
	Waiting  []trustedRow
	Away     []trustedRow // refused or distrusted
	Keys     []trustedRow // ours
	None     bool         // nobody can sign in
	Refused  string       // what came of asking for a refresh
}

// A feedRow tells how fetching metadata fares.
type feedRow struct {
	URL                                  string
	Fetched, Tried, Failed, Next, Expiry time.Time
	Expired                              bool   // the document says so
	Failure                              string // why it fails; empty: it does not
	Detail                               string // what is wrong with the document, in English
	Line                                 int
}

// A trustedRow is one certificate.
type trustedRow struct {
	Subject, SHA256, URL string
	State                string
	Expiry               string // in words
	Ends                 bool   // soon, or it has
	Added, Seen          time.Time
	UseAt, GoneAt        time.Time
	DropAt               time.Time
	Approve              bool // it can be used yet
}

// An otherRow is another Identity Provider that the metadata names; without a New
// there is none.
type otherRow struct {
	Old, New     string // entity ID
	SSO          []string
	Certificates []trustedRow
	Found        time.Time
}

// trust reads what the profile of the path trusts.
func (v *visit) trust() (t sso.TrustView, err error) {
	if !id.SSOProfile.Valid(v.PathValue("profile")) {
		return t, fault.New(fault.NotFound, "")
	}
	t, err = v.web.SSO.Certificates(v.Context(), v.actor(), v.PathValue("profile"))
	if err == nil && t.OrganizationID != v.organization.ID {
		err = fault.New(fault.NotFound, "")
	}
	return t, err
}

func (v *visit) certificatesPath(t *sso.TrustView) string { return "/sso/" + t.ID + "/certificates" }

func (w *Web) adminCertificates(v *visit) error {
	t, err := v.trust()
	if err != nil {
		return err
	}
	return v.showCertificates(http.StatusOK, &t, "")
}

func (v *visit) showCertificates(status int, t *sso.TrustView, refused string) error {
	view := certificatesView{AdminFrame: v.adminFrame("sso", "certificates.title"), Path: v.base + v.certificatesPath(t),
		Managed: t.ManagedBy == sso.ManagedByOperator, Refused: refused, None: t.Profile.EntityID != "" && len(t.Profile.Certificates) == 0}
	view.Title, view.Up, view.Banners = view.T("certificates.of", t.Name), Link{t.Name, v.base + "/sso/" + t.ID}, nil
	view.Tabs = view.profileTabs(t.ID, "/certificates")
	now := time.Now()
	view.Metadata = view.feed(&t.Metadata, now)
	if o := t.Metadata.Other; o != nil {
		view.Other = view.other(t, o, now)
	}
	for i := range t.Certificates {
		c := &t.Certificates[i]
		row := view.trusted(c.Certificate.Certificate, now)
		row.SHA256, row.URL, row.State = colons(c.SHA256), view.Path+"/"+c.SHA256, view.Word("certificate_state", string(c.State))
		row.Added, row.Seen, row.UseAt, row.GoneAt, row.DropAt = c.AddedAt, c.SeenAt, c.UseAt, c.GoneAt, c.DropAt
		row.Approve = c.State == sso.CertificateRefused
		switch c.State {
		case sso.CertificateUsed:
			view.Used = append(view.Used, row)
		case sso.CertificateWaiting:
			view.Waiting = append(view.Waiting, row)
		default:
			view.Away = append(view.Away, row)
		}
	}
	for i := range t.Keys {
		k := &t.Keys[i]
		row := view.trusted(k.Certificate, now)
		row.SHA256, row.State = colons(k.SHA256()), view.Word("key_state", string(k.State))
		view.Keys = append(view.Keys, row)
	}
	return v.render(status, "admin_certificates", view)
}

func (f Frame) feed(m *sso.MetadataView, now time.Time) feedRow {
	row := feedRow{URL: m.URL, Fetched: m.FetchedAt, Tried: m.TriedAt, Failed: m.FailedAt, Next: m.NextAt, Expiry: m.ValidUntil,
		Expired: !m.ValidUntil.IsZero() && now.After(m.ValidUntil)}
	if m.Failure != nil {
		row.Failure, row.Detail, row.Line = f.Word("metadata_failure", m.Failure.Reason), m.Failure.Detail, m.Failure.Line
	}
	return row
}

func (f Frame) other(t *sso.TrustView, o *sso.OtherEntity, now time.Time) otherRow {
	row := otherRow{Old: t.Profile.EntityID, New: o.EntityID, Found: o.FoundAt}
	for _, ep := range o.SSO {
		row.SSO = append(row.SSO, ep.Location)
	}
	for _, c := range o.Parsed() {
		one := f.trusted(c.Certificate, now)
		one.SHA256 = colons(c.SHA256)
		row.Certificates = append(row.Certificates, one)
	}
	return row
}

// trusted tells of a certificate whose it is and how long it lasts.
func (f Frame) trusted(c *x509.Certificate, now time.Time) trustedRow {
	row := trustedRow{Subject: c.Subject.String()}
	if row.Subject == "" {
		row.Subject = f.T("certificates.no_subject")
	}
	days := int64(c.NotAfter.Sub(now) / (24 * time.Hour))
	date := c.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.After(c.NotAfter):
		row.Expiry, row.Ends = f.T("certificates.ended", date), true
	case days == 0:
		row.Expiry, row.Ends = f.T("certificates.ends_today", date), true
	case days <= 60:
		row.Expiry, row.Ends = f.T("certificates.ends", date, f.N("certificates.days", days)), true
	case days < 730:
		row.Expiry = f.T("certificates.ends", date, f.N("certificates.months", days/30))
	default:
		row.Expiry = f.T("certificates.ends", date, f.N("certificates.years", days/365))
	}
	return row
}

// colons writes a fingerprint as other programs show it.
func colons(sha256 string) string {
	var b strings.Builder
	for i := 0; i+2 <= len(sha256); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(sha256[i : i+2]))
	}
	return b.String()
}

// adminRefreshMetadata fetches the metadata now.
func (w *Web) adminRefreshMetadata(v *visit) error {
	t, err := v.trust()
	if err != nil {
		return err
	}
	err = w.SSO.RefreshMetadata(v.Context(), v.actor(), t.ID)
	switch {
	case err == nil:
		v.say("done.metadata_refreshed", t.Name)
		return v.to(v.certificatesPath(&t))
	case errorIs(err, fault.MetadataFetchFailed), errorIs(err, fault.MetadataInvalid):
	case errorIs(err, fault.RateLimited), errorIs(err, fault.Conflict):
		status := v.note(err)
		what, do := v.sentences(fault.From(err))
		return v.showCertificates(status, &t, what+". "+do)
	default:
		return err
	}
	// The page itself tells what failed.
	status := v.note(err)
	if t, err = v.trust(); err != nil {
		return err
	}
	return v.showCertificates(status, &t, "")
}

// A decision is a question about a certificate, or about another Identity
// Provider, in keys of the catalogue.
type decision struct {
	title, verb, done string
	danger            bool
}

// decideCertificate asks about the certificate of the path, and does what was
// decided.
func (v *visit) decideCertificate(d decision, ask func(f *form, t *sso.TrustView, c *sso.CertificateView),
	do func(f *form, t *sso.TrustView, c *sso.CertificateView) error) error {
	t, err := v.trust()
	if err != nil {
		return err
	}
	sha256, _ := sso.ParseFingerprint(v.PathValue("sha256"))
	var c *sso.CertificateView
	for i := range t.Certificates {
		if t.Certificates[i].SHA256 == sha256 {
			c = &t.Certificates[i]
		}
	}
	if c == nil {
		return fault.New(fault.NotFound, "")
	}
	path := v.certificatesPath(&t)
	row := v.frame("certificates.title").trusted(c.Certificate.Certificate, time.Now())
	f := v.newQuestion("sso", d.title, d.verb, Link{t.Name, v.base + path}, t.Name)
	f.Danger, f.Banners = d.danger, nil
	f.Lead = append(f.Lead, row.Subject, row.Expiry, "SHA-256 "+colons(c.SHA256))
	ask(f, &t, c)
	if !f.sent() {
		return f.show(nil)
	}
	if err := do(f, &t, c); err != nil {
		return f.show(err)
	}
	v.say(d.done, row.Subject)
	return v.to(path)
}

func (w *Web) adminApproveCertificate(v *visit) error {
	return v.decideCertificate(decision{"certificates.approve_title", "certificates.approve", "done.certificate_approve", false},
		func(f *form, _ *sso.TrustView, _ *sso.CertificateView) {
			f.point("certificates.approve_compare")
			f.point("certificates.approve_what")
		},
		func(_ *form, t *sso.TrustView, c *sso.CertificateView) error {
			return w.SSO.ApproveCertificate(v.Context(), v.actor(), t.ID, c.SHA256)
		})
}

func (w *Web) adminRefuseCertificate(v *visit) error {
	return v.decideCertificate(decision{"certificates.refuse_title", "certificates.refuse", "done.certificate_refuse", true},
		func(f *form, _ *sso.TrustView, _ *sso.CertificateView) {
			f.point("certificates.refuse_what")
			f.point("certificates.refuse_ask")
		},
		func(_ *form, t *sso.TrustView, c *sso.CertificateView) error {
			return w.SSO.RefuseCertificate(v.Context(), v.actor(), t.ID, c.SHA256)
		})
}

func (w *Web) adminDistrustCertificate(v *visit) error {
	return v.decideCertificate(decision{"certificates.distrust_title", "certificates.distrust", "done.certificate_distrust", true},
		func(f *form, t *sso.TrustView, c *sso.CertificateView) {
			f.point("certificates.distrust_what")
			f.point("certificates.distrust_sessions")
			f.point("certificates.distrust_back")
			if isLast(t, c) {
				f.point("certificates.distrust_none")
				f.acknowledge("certificates.distrust_last")
			}
		},
		func(f *form, t *sso.TrustView, c *sso.CertificateView) error {
			acknowledged := isLast(t, c)
			if acknowledged {
				if err := f.acknowledged(); err != nil {
					return err
				}
			}
			return w.SSO.DistrustCertificate(v.Context(), v.actor(), t.ID, c.SHA256, acknowledged)
		})
}

// isLast reports whether nothing is left without a certificate.
func isLast(t *sso.TrustView, c *sso.CertificateView) bool {
	return c.State == sso.CertificateUsed && len(t.Profile.Certificates) == 1
}

// decideEntity asks about another Identity Provider that the metadata names.
func (v *visit) decideEntity(d decision, points [2]string, do func(t *sso.TrustView, entityID string) error) error {
	t, err := v.trust()
	if err != nil {
		return err
	}
	path := v.certificatesPath(&t)
	f := v.newQuestion("sso", d.title, d.verb, Link{t.Name, v.base + path}, t.Name)
	f.Danger, f.Banners = d.danger, nil
	entityID := v.PostFormValue("entity_id")
	if o := t.Metadata.Other; o != nil && !f.sent() {
		entityID = o.EntityID
		f.lead("certificates.entity_change", t.Profile.EntityID, o.EntityID)
	} else if o == nil && !f.sent() {
		return fault.New(fault.NotFound, "")
	}
	f.Hidden = append(f.Hidden, hiddenInput{"entity_id", entityID})
	f.point(points[0])
	f.point(points[1])
	if !f.sent() {
		return f.show(nil)
	}
	if err := do(&t, entityID); err != nil {
		return f.show(err)
	}
	v.say(d.done, t.Name)
	return v.to(path)
}

func (w *Web) adminAcceptEntity(v *visit) error {
	return v.decideEntity(decision{"certificates.entity_accept_title", "certificates.entity_accept", "done.entity_accept", false},
		[2]string{"certificates.entity_accept_what", "certificates.entity_accept_then"}, func(t *sso.TrustView, entityID string) error {
			return w.SSO.AcceptEntity(v.Context(), v.actor(), t.ID, entityID)
		})
}

func (w *Web) adminRefuseEntity(v *visit) error {
	return v.decideEntity(decision{"certificates.entity_refuse_title", "certificates.entity_refuse", "done.entity_refuse", true},
		[2]string{"certificates.entity_refuse_what", "certificates.entity_refuse_then"}, func(t *sso.TrustView, entityID string) error {
			return w.SSO.RefuseEntity(v.Context(), v.actor(), t.ID, entityID)
		})
}

// notices tells what of certificates and metadata needs somebody, each with the
// page where it can be mended.
func (v *visit) notices(f *AdminFrame, urgent bool) (list []attention) {
	found, err := v.web.SSO.Notices(v.Context(), v.actor(), v.organization.ID)
	if err != nil {
		// A page is none the worse for it.
		v.web.Logger.Warn("notices not read", "cause", err)
		return nil
	}
	for _, n := range found {
		if urgent && !n.Urgent {
			continue
		}
		text := f.T("notice."+string(n.Kind), n.Name)
		if !n.At.IsZero() && n.Kind != sso.NoticeEntity {
			text = f.T("notice."+string(n.Kind), n.Name, f.Date(n.At))
		}
		link := Link{f.T("notice.see"), f.Base + "/sso/" + n.ProfileID + "/certificates"}
		if n.Kind == sso.NoticeSignIns {
			link = Link{f.T("notice.see_sign_ins"), f.Base + "/activity?outcome=refused&profile=" + n.ProfileID}
		}
		list = append(list, attention{text, link})
	}
	return list
}
