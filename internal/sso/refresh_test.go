package sso_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A rollover is an Identity Provider whose metadata is fetched, with a domain
// that is enforced with it.
type rollover struct {
	*parts.Profile
	user  directory.User
	owner directory.User
	url   string
	extra string // attributes of the document
}

const idpHost = "idp.idp.test"

// newRollover makes one whose metadata shows certificates by the names of their
// keys. It signs with the first.
func newRollover(t *testing.T, p *parts.Parts, keys ...string) *rollover {
	t.Helper()
	acme := p.Organization(t, "Acme")
	domain := acme.Domain(t, "acme.test")
	r := &rollover{Profile: &parts.Profile{Organization: acme, IdP: samltest.NewIdP()}}
	r.IdP.Key = samltest.NamedKey(keys[0])
	r.user, r.owner = acme.User(t, "user@acme.test", access.RoleMember), acme.User(t, "owner@acme.test", access.RoleOwner)
	r.url = r.shows(t, keys...)
	v, err := create(t, acme, byURL(r.url))
	if err != nil {
		t.Fatal(err)
	}
	r.ID = v.ID
	r.Test(t)
	r.Enforce(t, domain)
	r.Pass(time.Second)
	return r
}

// document is metadata with the certificates of several keys.
func document(idp *samltest.IdP, extra string, keys ...string) string {
	const head, tail = `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>`,
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
	text := string(idp.Metadata())
	begin, end := strings.Index(text, "<md:KeyDescriptor"), strings.LastIndex(text, "</md:KeyDescriptor>")+len("</md:KeyDescriptor>")
	var list string
	for _, key := range keys {
		list += head + base64.StdEncoding.EncodeToString(samltest.NamedKey(key).Certificate.Raw) + tail
	}
	text = text[:begin] + list + text[end:]
	return strings.Replace(text, "<md:EntityDescriptor ", "<md:EntityDescriptor "+extra+" ", 1)
}

// shows has the metadata URL show these certificates from now on.
func (r *rollover) shows(t *testing.T, keys ...string) string {
	t.Helper()
	return r.Net.Publish(t, idpHost, []byte(document(r.IdP, r.extra, keys...)))
}

// refresh has all metadata fetched that is due after a time, and makes it due.
func (r *rollover) refresh(t *testing.T, after time.Duration) {
	t.Helper()
	r.Pass(after)
	r.Exec(t, "update sso_metadata set next_at = $1", r.Now())
	if err := r.SSO.RefreshDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rollover) trust(t *testing.T) sso.TrustView {
	t.Helper()
	v, err := r.SSO.Certificates(t.Context(), operator, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sha is the fingerprint of a key's certificate.
func sha(t *testing.T, key string) string {
	t.Helper()
	text, ok := sso.ParseFingerprint(fmt.Sprintf("%x", sha256Of(samltest.NamedKey(key).Certificate.Raw)))
	if !ok {
		t.Fatal(text)
	}
	return text
}

// stands fails the test unless the certificates stand so: key=state.
func (r *rollover) stands(t *testing.T, want ...string) sso.TrustView {
	t.Helper()
	v := r.trust(t)
	var got []string
	for _, c := range v.Certificates {
		for _, key := range samltest.KeyNames() {
			if samltest.NamedKey(key).Certificate.Equal(c.Certificate.Certificate) {
				got = append(got, key+"="+string(c.State))
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%v, not %v", got, want)
	}
	return v
}

// signsIn reports whether a sign-in that a key has signed is accepted.
func (r *rollover) signsIn(t *testing.T, key string) bool {
	t.Helper()
	r.IdP.Key = samltest.NamedKey(key)
	out, err := r.Login(t, r.user.Email)
	r.Pass(time.Millisecond)
	return err == nil && out.SessionToken != ""
}

func (r *rollover) seen(t *testing.T) {
	t.Helper()
	if err := r.SSO.WriteUses(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const (
	keyA, keyB, keyC = samltest.RSA2048, samltest.RSA2048Other, samltest.RSA3072
	aUsed, bUsed     = keyA + "=used", keyB + "=used"
)

func TestACertificateBesideTheKnownOneIsUsedAtOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.shows(t, keyA, keyB)
		r.refresh(t, 24*time.Hour)
		v := r.stands(t, aUsed, bUsed)
		if v.State != sso.Enforced || len(v.Warnings) > 0 && v.Warnings[0].Code == "enforced_not_tested" {
			t.Errorf("%s %v", v.State, v.Warnings)
		}
		if !r.signsIn(t, keyB) || !r.signsIn(t, keyA) {
			t.Error("one of both does not sign in")
		}
		e := r.Recorded(t, audit.ProfileRefreshed)
		if e.Actor.Kind != "system" || len(e.Changes) != 1 || e.Changes[0].Field != "certificates" {
			t.Errorf("%+v", e)
		}
		if got, err := r.SSO.Enforce(t.Context(), operator, []string{r.Domain(t, "second.test").ID}, sso.Enforcement{ProfileID: r.ID, Acknowledged: true}); err != nil {
			t.Errorf("it asks for a new test: %v %v", got, err)
		}
		n := len(r.Events(t))
		r.refresh(t, 24*time.Hour)
		if len(r.Events(t)) != n {
			t.Error("what changes nothing is recorded")
		}
	})
}

func TestACertificateThatReplacesTheKnownOneWaits(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.shows(t, keyB)
		r.refresh(t, time.Hour)
		v := r.stands(t, aUsed, keyB+"=waiting")
		if at := v.Certificates[1].UseAt; !at.Equal(r.Now().Add(24*time.Hour)) || v.Certificates[0].GoneAt.IsZero() {
			t.Errorf("%s %+v", at, v.Certificates[0])
		}
		if r.signsIn(t, keyB) || !r.signsIn(t, keyA) {
			t.Error("the new one signs in, or the old one does not")
		}
		if m := r.Mail(t, r.owner.Email); !strings.Contains(m.Subject, "new certificate") || !strings.Contains(m.Text, "/sso/"+r.ID+"/certificates") {
			t.Errorf("%s %s", m.Subject, m.Text)
		}
		r.refresh(t, 23*time.Hour)
		r.stands(t, aUsed, keyB+"=waiting")
		if list := r.Mails(t, r.owner.Email); len(list) != 0 {
			t.Errorf("%v", list)
		}
		// It is fetched by itself when the time has come.
		r.Pass(time.Hour)
		if err := r.SSO.RefreshDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		v = r.stands(t, aUsed, bUsed)
		if !r.signsIn(t, keyB) || v.State != sso.Enforced || len(v.Warnings) != 0 {
			t.Errorf("%s %v", v.State, v.Warnings)
		}
	})
}

func TestAWaitingCertificateThatGoesAgain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.shows(t, keyB)
		r.refresh(t, time.Hour)
		r.shows(t, keyA)
		r.refresh(t, 25*time.Hour)
		if v := r.stands(t, aUsed); !v.Certificates[0].GoneAt.IsZero() {
			t.Errorf("%+v", v.Certificates[0])
		}
	})
}

func TestAdministratorsDecideOnAWaitingCertificate(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.shows(t, keyB, keyC)
		r.refresh(t, time.Hour)
		r.stands(t, aUsed, keyB+"=waiting", keyC+"=waiting")
		admin := r.Actor(access.RoleAdministrator)
		r.Edition(t, directory.Standard) // what keeps sign-ins alive needs none
		if err := r.SSO.ApproveCertificate(t.Context(), admin, r.ID, sha(t, keyB)); err != nil {
			t.Fatal(err)
		}
		if err := r.SSO.RefuseCertificate(t.Context(), admin, r.ID, sha(t, keyC)); err != nil {
			t.Fatal(err)
		}
		v := r.stands(t, aUsed, bUsed, keyC+"=refused")
		if !r.signsIn(t, keyB) || r.signsIn(t, keyC) || len(v.Warnings) != 0 {
			t.Errorf("%v", v.Warnings)
		}
		r.Recorded(t, audit.ProfileCertificateApproved)
		r.Recorded(t, audit.ProfileCertificateRefused)
		r.refresh(t, 48*time.Hour)
		r.stands(t, aUsed, bUsed, keyC+"=refused")
		parts.Refused(t, r.SSO.RefuseCertificate(t.Context(), admin, r.ID, sha(t, keyC)), fault.NotFound)
		parts.Refused(t, r.SSO.ApproveCertificate(t.Context(), admin, r.ID, sha(t, keyB)), fault.Conflict)
		parts.Refused(t, r.SSO.ApproveCertificate(t.Context(), admin, r.ID, sha(t, samltest.EC256)), fault.NotFound)
		stale := admin
		stale.Fresh = false
		if err := r.SSO.ApproveCertificate(t.Context(), stale, r.ID, sha(t, keyC)); !errors.Is(err, directory.ErrNotFresh) {
			t.Errorf("%v", err)
		}
		if err := r.SSO.ApproveCertificate(t.Context(), admin, r.ID, sha(t, keyC)); err != nil {
			t.Fatal(err)
		}
		other := p.Organization(t, "Other").Actor(access.RoleOwner)
		parts.Refused(t, r.SSO.ApproveCertificate(t.Context(), other, r.ID, sha(t, keyC)), fault.NotFound)
	})
}

func TestAPinnedSignatureReplacesAtOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		idp := samltest.NewIdP()
		url := p.Net.Publish(t, idpHost, []byte(signedMetadata(t, idp, samltest.SP, "")))
		in := byURL(url)
		in.Options = &sso.OptionsInput{MetadataPin: ptr(parts.PEM(samltest.SP))}
		v, err := create(t, acme, in)
		if err != nil {
			t.Fatal(err)
		}
		r := &rollover{Profile: &parts.Profile{Organization: acme, ID: v.ID, IdP: idp}}
		r.Test(t)
		idp.Key = samltest.NamedKey(keyB)
		p.Net.Publish(t, idpHost, []byte(signedMetadata(t, idp, samltest.SPOld, "")))
		r.refresh(t, time.Hour)
		if got := r.stands(t, aUsed); got.Metadata.Failure == nil || got.Metadata.Failure.Reason != "invalid" {
			t.Errorf("%+v", got.Metadata)
		}
		p.Net.Publish(t, idpHost, []byte(signedMetadata(t, idp, samltest.SP, "")))
		r.refresh(t, time.Hour)
		if got := r.stands(t, aUsed, bUsed); got.Metadata.Failure != nil || got.State != sso.Tested {
			t.Errorf("%+v %s", got.Metadata, got.State)
		}
	})
}

func TestAKeyThatIsGoneIsDroppedAfterItsSuccessorWasSeen(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.shows(t, keyA, keyB)
		r.refresh(t, 24*time.Hour)
		r.shows(t, keyB)
		r.refresh(t, 24*time.Hour)
		for range 10 { // nobody has signed in with the new one
			r.refresh(t, 24*time.Hour)
		}
		r.stands(t, aUsed, bUsed)
		if !r.signsIn(t, keyB) {
			t.Fatal("not in")
		}
		r.seen(t)
		v := r.stands(t, aUsed, bUsed)
		if got := v.Certificates[0].DropAt; !got.Equal(v.Certificates[1].FirstSeenAt.Add(7 * 24 * time.Hour)) {
			t.Errorf("%+v", v.Certificates[0])
		}
		r.refresh(t, 7*24*time.Hour-time.Minute)
		r.stands(t, aUsed, bUsed)
		r.refresh(t, 2*time.Minute)
		v = r.stands(t, bUsed)
		if r.signsIn(t, keyA) || !r.signsIn(t, keyB) || v.State != sso.Enforced || len(v.Warnings) != 0 {
			t.Errorf("%s %v", v.State, v.Warnings)
		}
	})
}

func TestACertificateEnteredByHandIsNotDropped(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.Set(t, sso.Input{Certificates: []string{parts.PEM(keyA), parts.PEM(keyC)}})
		r.Test(t)
		r.shows(t, keyA)
		r.signsIn(t, keyA)
		r.seen(t)
		for range 20 {
			r.refresh(t, 24*time.Hour)
		}
		if v := r.stands(t, aUsed, keyC+"=used"); v.Metadata.URL != r.url {
			t.Errorf("%+v", v.Metadata)
		}
	})
}

func TestTheLastGoodCopyStays(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		for name, c := range map[string]struct {
			text   string
			status int
			reason string
		}{
			"gone":          {"", 404, "status"},
			"a page":        {"<html><body>", 200, "invalid"},
			"without a key": {document(r.IdP, ""), 200, "invalid"},
			"expired":       {document(r.IdP, `validUntil="2026-03-01T00:00:00Z"`, keyB), 200, "expired"},
			"a weak key":    {document(r.IdP, "", samltest.RSA1024), 200, "invalid"},
		} {
			r.Net.Serve(t, idpHost, answer(c.status, c.text))
			n := len(r.Events(t))
			r.refresh(t, time.Hour)
			m := r.stands(t, aUsed).Metadata
			if m.Failure == nil || m.Failure.Reason != c.reason || m.Failure.Text == "" || m.FailedAt.IsZero() || !m.NextAt.Equal(r.Now().Add(time.Hour)) || m.FetchedAt.After(m.FailedAt) {
				t.Errorf("%s: %+v %+v", name, m, m.Failure)
			}
			if !r.signsIn(t, keyA) {
				t.Errorf("%s: nobody signs in", name)
			}
			if e := r.Recorded(t, audit.ProfileRefreshFailed); len(r.Events(t)) > n+4 || e.Outcome != audit.Refused {
				t.Errorf("%s: %d events, %+v", name, len(r.Events(t))-n, e)
			}
		}
		r.shows(t, keyA)
		r.refresh(t, time.Hour)
		if m := r.trust(t).Metadata; m.Failure != nil || !m.FailedAt.IsZero() || !m.FetchedAt.Equal(r.Now()) {
			t.Errorf("%+v", m)
		}
	})
}

func TestAnotherEntityIDWaitsForAnAdministrator(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		admin, was := r.Actor(access.RoleAdministrator), r.IdP.EntityID
		r.IdP.EntityID = "https://new.example/metadata"
		r.shows(t, keyA, keyB)
		r.refresh(t, 24*time.Hour)
		v := r.stands(t, aUsed)
		if v.Profile.EntityID != was || v.Metadata.Other == nil || v.Metadata.Other.EntityID != r.IdP.EntityID || len(v.Metadata.Other.Certificates) != 2 {
			t.Fatalf("%+v", v.Metadata.Other)
		}
		if m := r.Mail(t, r.owner.Email); !strings.Contains(m.Subject, "another Identity Provider") {
			t.Errorf("%s", m.Subject)
		}
		r.refresh(t, 48*time.Hour)
		r.stands(t, aUsed)
		if list := r.Mails(t, r.owner.Email); len(list) != 0 {
			t.Errorf("%v", list)
		}
		parts.Refused(t, r.SSO.AcceptEntity(t.Context(), admin, r.ID, "https://none.example"), fault.NotFound)
		if err := r.SSO.RefuseEntity(t.Context(), admin, r.ID, r.IdP.EntityID); err != nil {
			t.Fatal(err)
		}
		r.refresh(t, time.Hour)
		v = r.stands(t, aUsed)
		if v.Metadata.Other != nil || v.Metadata.Failure == nil || v.Metadata.Failure.Reason != "entity" {
			t.Errorf("%+v", v.Metadata)
		}
		r.IdP.EntityID = "https://newer.example/metadata"
		r.shows(t, keyB)
		r.refresh(t, time.Hour)
		if err := r.SSO.AcceptEntity(t.Context(), admin, r.ID, r.IdP.EntityID); err != nil {
			t.Fatal(err)
		}
		v = r.stands(t, bUsed)
		if v.Profile.EntityID != r.IdP.EntityID || v.Metadata.Other != nil || v.State != sso.Enforced || len(v.Warnings) != 1 || v.Warnings[0].Code != "enforced_not_tested" {
			t.Errorf("%s %v %+v", v.State, v.Warnings, v.Metadata)
		}
		if !r.signsIn(t, keyB) {
			t.Error("nobody signs in")
		}
	})
}

func TestEndpointsFollowWhatIsTrusted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		old := r.IdP.SSOURL
		r.IdP.SSOURL = "https://evil.example/sso"
		r.shows(t, keyB)
		r.refresh(t, time.Hour)
		if v := r.trust(t); v.SSO[0].Location != old {
			t.Errorf("%v", v.SSO)
		}
		r.IdP.SSOURL = "https://idp.example/sso2"
		r.shows(t, keyA)
		r.refresh(t, time.Hour)
		if v := r.trust(t); v.SSO[0].Location != r.IdP.SSOURL || len(v.Warnings) != 1 {
			t.Errorf("%v %v", v.SSO, v.Warnings)
		}
	})
}

func TestHowLongADocumentMayBeKept(t *testing.T) {
	p := parts.New(t, "sqlite")
	r := newRollover(t, p, keyA)
	for extra, want := range map[string]time.Duration{
		"":                       24 * time.Hour,
		`cacheDuration="PT6H"`:   6 * time.Hour,
		`cacheDuration="PT1M"`:   time.Hour,
		`cacheDuration="P30D"`:   24 * time.Hour,
		`validUntil="%d hours"`:  5 * time.Hour,
		`validUntil="%d  hours"`: 5 * time.Hour,
	} {
		r.extra = extra
		if strings.Contains(extra, "validUntil") {
			r.extra = `validUntil="` + r.Now().Add(10*time.Hour+time.Minute).UTC().Format(time.RFC3339) + `"`
		}
		r.shows(t, keyA)
		r.refresh(t, time.Minute)
		m := r.trust(t).Metadata
		if got := m.NextAt.Sub(r.Now()); got.Round(time.Minute) != want.Round(time.Minute) {
			t.Errorf("%s: %s", extra, got)
		}
		r.refresh(t, 0)
	}
	// Nothing is fetched before its time, and what is due is.
	asked := p.Net.Asked()
	if err := r.SSO.RefreshDue(t.Context()); err != nil || p.Net.Asked() != asked {
		t.Errorf("%v, %d requests", err, p.Net.Asked()-asked)
	}
	p.Pass(25 * time.Hour)
	if err := r.SSO.RefreshDue(t.Context()); err != nil || p.Net.Asked() != asked+1 {
		t.Errorf("%v, %d requests", err, p.Net.Asked()-asked)
	}
}

func TestAnUnknownKeyAsksForARefresh(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.Work(t)
		r.shows(t, keyA, keyB)
		if r.signsIn(t, keyB) {
			t.Fatal("in with an unknown key")
		}
		eventually(t, func() bool { return len(r.trust(t).Certificates) == 2 })
		if !r.signsIn(t, keyB) {
			t.Error("not in after the refresh")
		}
		// Once in ten minutes, and for the right issuer alone.
		asked := p.Net.Asked()
		r.shows(t, keyA, keyB, keyC)
		r.signsIn(t, keyC)
		r.Pass(10 * time.Minute)
		right := r.IdP.EntityID
		r.IdP.EntityID = "https://evil.example/metadata"
		r.signsIn(t, keyC)
		r.IdP.EntityID = right
		time.Sleep(200 * time.Millisecond)
		if n := p.Net.Asked(); n != asked || r.Count(t, "select count(*) from jobs where finished_at is null") != 0 {
			t.Errorf("%d requests", n-asked)
		}
		r.signsIn(t, keyC)
		eventually(t, func() bool { return len(r.trust(t).Certificates) == 3 })
	})
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for range 200 {
		if holds() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("that did not come")
}

func TestDistrustNow(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA, keyB)
		in := func(key string) string {
			r.IdP.Key = samltest.NamedKey(key)
			out, err := r.Login(t, r.user.Email)
			if err != nil {
				t.Fatal(err)
			}
			r.Pass(time.Millisecond)
			return out.SessionToken
		}
		byA, byB := in(keyA), in(keyB)
		r.IdP.Key = samltest.NamedKey(keyA)
		req, browser := r.Start(t, "")
		late, err := r.Consume(t, r.Answer(req.ID, r.user.Email))
		if err != nil {
			t.Fatal(err)
		}
		r.Edition(t, directory.Standard)
		if err := r.SSO.DistrustCertificate(t.Context(), r.Actor(access.RoleAdministrator), r.ID, sha(t, keyA), false); err != nil {
			t.Fatal(err)
		}
		if r.Live(t, byA) || !r.Live(t, byB) {
			t.Error("the session of the one lives, or that of the other does not")
		}
		_, err = r.Finish(t, sso.Finish{Ticket: late.Ticket, BrowserTokens: []string{browser}})
		if r.signsIn(t, keyA) || err == nil {
			t.Error("somebody gets in with it")
		}
		if e := r.Recorded(t, audit.ProfileCertificateDistrusted); len(e.Changes) != 3 || fmt.Sprint(e.Changes[2].Old) != "1" {
			t.Errorf("%+v", e)
		}
		r.refresh(t, 48*time.Hour)
		r.stands(t, keyA+"=distrusted", bUsed)

		// The last one needs a second word.
		err = r.SSO.DistrustCertificate(t.Context(), operator, r.ID, sha(t, keyB), false)
		parts.Refused(t, err, fault.AcknowledgementRequired)
		if err := r.SSO.DistrustCertificate(t.Context(), operator, r.ID, sha(t, keyB), true); err != nil {
			t.Fatal(err)
		}
		r.stands(t, keyA+"=distrusted", keyB+"=distrusted")
		_, err = r.SSO.Start(t.Context(), sso.Start{ProfileID: r.ID})
		parts.Refused(t, err, fault.SAMLCertificateUnknown)
		r.IdP.Key = samltest.NamedKey(keyB)
		_, err = r.Consume(t, r.Answer("", r.user.Email))
		var refusal *signin.Refusal
		if !errors.As(err, &refusal) || refusal.Fault.Code != fault.SAMLCertificateUnknown {
			t.Errorf("without any certificate: %v", err)
		}
		parts.Refused(t, r.SSO.DistrustCertificate(t.Context(), operator, r.ID, sha(t, keyB), true), fault.NotFound)

		// Neither metadata nor waiting brings it back, but a hand that enters it.
		r.shows(t, keyA, keyC)
		r.refresh(t, time.Hour)
		r.stands(t, keyA+"=distrusted", keyB+"=distrusted", keyC+"=waiting")
		r.Edition(t, directory.Enterprise)
		xml := document(r.IdP, "", keyA)
		_, err = r.SSO.Update(t.Context(), operator, r.ID, sso.Input{MetadataXML: &xml})
		parts.Refused(t, err, fault.MetadataInvalid)
		r.Set(t, sso.Input{Certificates: []string{parts.PEM(keyB)}})
		if !r.signsIn(t, keyB) {
			t.Error("not in with what was entered by hand")
		}
	})
}

func TestDistrustEndsManySessionsInTheBackground(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA, keyB)
		r.signsIn(t, keyA)
		for i := range 2500 {
			certificate := sha(t, keyA)
			if i%5 == 0 {
				certificate = sha(t, keyB)
			}
			r.Exec(t, `insert into sessions (id, token_hash, user_id, method, sso_profile_id, name_id, name_id_details, session_index, authenticated_at,
				not_on_or_after, address, agent, created_at, certificate) values ($1, $2, $3, 'sso', $4, '', '', '', $5, null, '', '', $5, $6)`,
				p.IDs.New(id.Session), []byte(fmt.Sprint(i)), r.user.ID, r.ID, p.Now(), certificate)
		}
		if err := r.SSO.DistrustCertificate(t.Context(), operator, r.ID, sha(t, keyA), false); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sessions"); n != 1501 {
			t.Errorf("%d are left at once", n)
		}
		r.Work(t)
		eventually(t, func() bool { return p.Count(t, "select count(*) from sessions") == 500 })
		eventually(t, func() bool { return p.Count(t, "select count(*) from jobs where finished_at is null") == 0 })
	})
}

func TestWhoManagesAProfileDecides(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		r.Set(t, sso.Input{ManagedBy: ptr(sso.ManagedByOperator)})
		admin := r.Actor(access.RoleOwner)
		if err := r.SSO.RefreshMetadata(t.Context(), admin, r.ID); err != nil {
			t.Errorf("refreshing is no change: %v", err)
		}
		parts.Refused(t, r.SSO.RefreshMetadata(t.Context(), admin, r.ID), fault.RateLimited)
		parts.Refused(t, r.SSO.DistrustCertificate(t.Context(), admin, r.ID, sha(t, keyA), true), fault.Forbidden)
		plain := r.Profile.Organization.Configured(t)
		parts.Refused(t, r.SSO.RefreshMetadata(t.Context(), admin, plain.ID), fault.Conflict)
	})
}

func TestWhenACertificateWasSeenIsWrittenSeldom(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRollover(t, p, keyA)
		if v := r.trust(t); !v.Certificates[0].SeenAt.IsZero() {
			t.Errorf("%+v", v.Certificates[0])
		}
		r.signsIn(t, keyA)
		r.seen(t)
		first := r.trust(t).Certificates[0]
		if first.SeenAt.IsZero() || !first.FirstSeenAt.Equal(first.SeenAt) {
			t.Fatalf("%+v", first)
		}
		r.Pass(59 * time.Minute)
		r.signsIn(t, keyA)
		r.seen(t)
		if got := r.trust(t).Certificates[0]; !got.SeenAt.Equal(first.SeenAt) {
			t.Errorf("written again after %s", got.SeenAt.Sub(first.SeenAt))
		}
		r.Pass(2 * time.Minute)
		r.signsIn(t, keyA)
		r.seen(t)
		if got := r.trust(t).Certificates[0]; got.SeenAt.Sub(first.SeenAt) < time.Hour || !got.FirstSeenAt.Equal(first.FirstSeenAt) {
			t.Errorf("%+v", got)
		}
	})
}

func TestMetadataFromElsewhereEndsFetching(t *testing.T) {
	p := parts.New(t, "sqlite")
	r := newRollover(t, p, keyA)
	both := sso.Input{MetadataURL: &r.url, MetadataXML: ptr(document(r.IdP, "", keyA))}
	_, err := r.SSO.Update(t.Context(), operator, r.ID, both)
	parts.Refused(t, err, fault.CodeInvalid)
	v := r.Set(t, sso.Input{MetadataXML: ptr(document(r.IdP, "", keyA))})
	if v.MetadataURL != "" || p.Count(t, "select count(*) from sso_metadata") != 0 {
		t.Errorf("%q", v.MetadataURL)
	}
	v = r.Set(t, sso.Input{MetadataURL: &r.url})
	if v.MetadataURL != r.url || p.Count(t, "select count(*) from sso_metadata") != 1 {
		t.Errorf("%q", v.MetadataURL)
	}
	if v = r.Set(t, sso.Input{SSOURL: ptr("https://idp.example/other")}); v.MetadataURL != "" {
		t.Errorf("%q", v.MetadataURL)
	}
	r.Set(t, sso.Input{MetadataURL: &r.url})
	r.Release(t, r.domain(t))
	if err := r.SSO.Delete(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"sso_metadata", "sso_certificate_standings"} {
		if n := p.Count(t, "select count(*) from "+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func (r *rollover) domain(t *testing.T) directory.Domain {
	t.Helper()
	list, err := r.Directory.Domains(t.Context(), operator, r.Organization.ID, directory.Page{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	return list[0]
}
