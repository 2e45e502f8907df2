package sso_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/secret"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

const day = 24 * time.Hour

// ourSide is what an Identity Provider reads in our metadata.
type ourSide struct {
	Signed              bool
	Signing, Encryption []*x509.Certificate
	SLO                 []string
}

func readOurSide(t *testing.T, p *parts.Parts, profileID string) (o ourSide) {
	t.Helper()
	doc, err := p.SSO.Metadata(t.Context(), profileID, false)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Role struct {
			AuthnRequestsSigned bool `xml:",attr"`
			Keys                []struct {
				Use  string `xml:"use,attr"`
				Cert string `xml:"KeyInfo>X509Data>X509Certificate"`
			} `xml:"KeyDescriptor"`
			SLO []struct {
				Binding  string `xml:",attr"`
				Location string `xml:",attr"`
			} `xml:"SingleLogoutService"`
		} `xml:"SPSSODescriptor"`
	}
	if err := xml.Unmarshal(doc, &m); err != nil {
		t.Fatal(err)
	}
	o.Signed = m.Role.AuthnRequestsSigned
	for _, k := range m.Role.Keys {
		der, err := base64.StdEncoding.DecodeString(k.Cert)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		switch k.Use {
		case "signing":
			o.Signing = append(o.Signing, c)
		case "encryption":
			o.Encryption = append(o.Encryption, c)
		default:
			t.Errorf("a key for %q", k.Use)
		}
	}
	for _, ep := range m.Role.SLO {
		o.SLO = append(o.SLO, ep.Binding+" "+ep.Location)
	}
	return o
}

// signer returns which of the certificates a request of the profile is signed
// for, or -1.
func signer(t *testing.T, p *parts.Profile, certs []*x509.Certificate) int {
	t.Helper()
	d, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: p.ID})
	if err != nil {
		t.Fatal(err)
	}
	return slices.IndexFunc(certs, func(c *x509.Certificate) bool { return samltest.VerifyRedirect(d.URL, c) == nil })
}

// encryptedTo has the assertion encrypted to a certificate of ours.
func encryptedTo(c *x509.Certificate) func(*samltest.Response) {
	return func(r *samltest.Response) {
		r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Name: "ours", Certificate: c}}}
	}
}

// reads reports whether an assertion that is encrypted to a certificate signs
// in.
func (s *scene) reads(t *testing.T, c *x509.Certificate) bool {
	t.Helper()
	req, _ := s.Start(t, "")
	_, err := s.Consume(t, s.Answer(req.ID, "user@acme.test", encryptedTo(c)))
	s.Pass(time.Millisecond)
	if err != nil && parts.Code(err) != fault.SAMLDecryptionFailed {
		t.Fatal(err)
	}
	return err == nil
}

func states(t *testing.T, p *parts.Profile) string {
	t.Helper()
	list, err := p.SSO.Keys(t.Context(), operator, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all []sso.KeyState
	for _, k := range list {
		all = append(all, k.State)
	}
	return fmt.Sprint(all)
}

func TestEveryProfileHasAKey(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		draft, err := create(t, acme, sso.Input{Name: ptr("Draft")})
		if err != nil {
			t.Fatal(err)
		}
		if e := acme.Recorded(t, audit.ProfileKeyCreated); e.Target.ID != draft.ID {
			t.Errorf("%+v", e)
		}
		other := acme.Profile(t)
		ours := readOurSide(t, p, draft.ID)
		slo := p.SSO.URLs(draft.ID).SLO
		if len(ours.Signing) != 1 || ours.Encryption != nil || ours.Signed || fmt.Sprint(ours.SLO) !=
			"[urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect "+slo+" urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST "+slo+"]" {
			t.Errorf("%+v", ours)
		}
		c := ours.Signing[0]
		if c.Equal(readOurSide(t, p, other.ID).Signing[0]) {
			t.Error("two profiles have one key")
		}
		if c.PublicKeyAlgorithm != x509.RSA || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil ||
			c.Subject.String() != "CN=Sallyport "+draft.ID || c.NotBefore.After(p.Now().Add(-day)) || c.NotAfter.Before(p.Now().AddDate(9, 0, 0)) || c.IsCA {
			t.Errorf("%s from %v to %v", c.Subject, c.NotBefore, c.NotAfter)
		}
		list, err := p.SSO.Keys(t.Context(), operator, draft.ID)
		if err != nil || len(list) != 1 || list[0].State != sso.KeyCurrent || !list[0].Certificate.Equal(c) || !list[0].RemoveAt.IsZero() {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestARotationOverlaps(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Set(t, sso.Input{Options: &sso.OptionsInput{SignRequests: ptr(true), OfferEncryption: ptr(true)}})
		old := readOurSide(t, p, s.ID).Signing[0]
		s.Pass(time.Millisecond)
		k, err := p.SSO.RotateKey(t.Context(), operator, s.ID, sso.DefaultKeyDelay)
		if err != nil || k.State != sso.KeyNext || k.ActiveAt.Sub(p.Now()) != 7*day {
			t.Fatalf("%+v, %v", k, err)
		}
		if e := s.Recorded(t, audit.ProfileKeyRotated); e.Target.ID != s.ID || len(e.Changes) != 2 || e.Changes[0].Field != "keys" {
			t.Errorf("%+v", e)
		}
		both := []*x509.Certificate{old, k.Certificate}
		look := func(when, certificates, encryption, list string, signs int, readsOld, readsNew bool) {
			t.Helper()
			names := func(certs []*x509.Certificate) (text string) {
				for _, c := range certs {
					text += fmt.Sprint(slices.IndexFunc(both, c.Equal))
				}
				return text
			}
			ours := readOurSide(t, p, s.ID)
			if got := names(ours.Signing) + "/" + names(ours.Encryption); got != certificates+"/"+encryption {
				t.Errorf("%s: shown are %s, not %s/%s", when, got, certificates, encryption)
			}
			if got := states(t, s.Profile); got != list {
				t.Errorf("%s: %s, not %s", when, got, list)
			}
			if got := signer(t, s.Profile, both); got != signs {
				t.Errorf("%s: signed with key %d, not %d", when, got, signs)
			}
			if o, n := s.reads(t, old), s.reads(t, k.Certificate); o != readsOld || n != readsNew {
				t.Errorf("%s: reads what is for the old key: %v, for the new one: %v", when, o, n)
			}
		}
		look("at once", "01", "1", "[current next]", 0, true, true)
		s.Pass(7*day - time.Minute)
		look("before the delay is over", "01", "1", "[current next]", 0, true, true)
		s.Pass(time.Minute)
		look("after the delay", "10", "1", "[current previous]", 1, true, true)
		s.Pass(7*day - time.Minute)
		look("before the end of the old one", "10", "1", "[current previous]", 1, true, true)
		s.Pass(time.Minute)
		look("after it", "1", "1", "[current]", 1, false, true)
		if n := p.Count(t, "select count(*) from sso_keys"); n != 2 {
			t.Errorf("%d keys", n)
		}
		if err := p.SSO.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sso_keys"); n != 1 {
			t.Errorf("%d keys after the purge", n)
		}
		look("after the purge", "1", "1", "[current]", 1, false, true)
	})
}

func TestARotationAtOnce(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	s.Set(t, sso.Input{Options: &sso.OptionsInput{SignRequests: ptr(true)}})
	old := readOurSide(t, p, s.ID).Signing[0]
	signer(t, s.Profile, nil) // it is prepared
	s.Pass(time.Millisecond)
	k, err := p.SSO.RotateKey(t.Context(), operator, s.ID, 0)
	if err != nil || k.State != sso.KeyCurrent {
		t.Fatalf("%+v, %v", k, err)
	}
	if got := signer(t, s.Profile, []*x509.Certificate{old, k.Certificate}); got != 1 || !s.reads(t, old) {
		t.Errorf("signed with key %d", got)
	}
}

func TestRotationsHaveBounds(t *testing.T) {
	p := parts.New(t, "sqlite")
	profile := p.Organization(t, "Acme").Profile(t)
	rotate := func(delay time.Duration) error {
		p.Pass(time.Millisecond)
		_, err := p.SSO.RotateKey(t.Context(), operator, profile.ID, delay)
		return err
	}
	for _, wrong := range []time.Duration{-1, sso.MaxKeyDelay + 1} {
		if err := rotate(wrong); parts.Code(err) != fault.CodeInvalid || fmt.Sprint(parts.Fields(err)) != "[delay]" {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	if err := rotate(sso.MaxKeyDelay); err != nil {
		t.Fatal(err)
	}
	parts.Refused(t, rotate(0), fault.Conflict) // one is on its way
	p.Pass(sso.MaxKeyDelay + 7*day)
	for range 3 {
		if err := rotate(0); err != nil {
			t.Fatal(err)
		}
	}
	parts.Refused(t, rotate(0), fault.Conflict) // four keys
	p.Pass(7 * day)
	if err := rotate(0); err != nil {
		t.Error(err)
	}
	_, err := p.SSO.RotateKey(t.Context(), operator, "sso_none", 0)
	parts.Refused(t, err, fault.NotFound)
}

func TestWhoRotates(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	profile := acme.Profile(t)
	stale := acme.Actor(access.RoleOwner)
	stale.Fresh = false
	for name, c := range map[string]struct {
		actor  access.Actor
		rotate fault.Code
		list   fault.Code
	}{
		"nobody":               {access.Actor{}, fault.Unauthenticated, fault.Unauthenticated},
		"a member":             {acme.Actor(access.RoleMember), fault.Forbidden, fault.Forbidden},
		"a token that reads":   {acme.Token(access.ScopeRead), fault.Forbidden, ""},
		"somebody elsewhere":   {globex.Actor(access.RoleOwner), fault.NotFound, fault.NotFound},
		"a sign-in of the day": {stale, fault.Forbidden, ""},
		"a token for SSO":      {acme.Token(access.ScopeSSO), "", ""},
		"an administrator":     {acme.Actor(access.RoleAdministrator), "", ""},
	} {
		before := p.Count(t, "select count(*) from sso_keys")
		_, err := p.SSO.RotateKey(t.Context(), c.actor, profile.ID, 0)
		if parts.Code(err) != c.rotate {
			t.Errorf("%s rotates: %v", name, err)
		}
		if made := p.Count(t, "select count(*) from sso_keys") - before; (made == 1) != (c.rotate == "") {
			t.Errorf("%s makes %d keys", name, made)
		}
		if _, err = p.SSO.Keys(t.Context(), c.actor, profile.ID); parts.Code(err) != c.list {
			t.Errorf("%s lists: %v", name, err)
		}
		if _, err = p.SSO.Reseal(t.Context(), c.actor); parts.Code(err) != fault.Forbidden && parts.Code(err) != fault.Unauthenticated {
			t.Errorf("%s reseals: %v", name, err)
		}
		p.Pass(15 * day)
	}
	profile.Set(t, sso.Input{ManagedBy: ptr("operator")})
	_, err := p.SSO.RotateKey(t.Context(), acme.Actor(access.RoleOwner), profile.ID, 0)
	parts.Refused(t, err, fault.Forbidden)
	// What keeps a profile safe goes on without the edition.
	acme.Edition(t, directory.Standard)
	if _, err := p.SSO.RotateKey(t.Context(), operator, profile.ID, 0); err != nil {
		t.Error(err)
	}
}

// TestAProfileFromBeforeGetsAKey as soon as one is needed: one, whoever is
// faster.
func TestAProfileFromBeforeGetsAKey(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		for name, need := range map[string]func() error{
			"metadata": func() error { _, err := p.SSO.Metadata(t.Context(), s.ID, true); return err },
			"a login":  func() error { _, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: s.ID}); return err },
			"the list": func() error { _, err := p.SSO.Keys(t.Context(), operator, s.ID); return err },
		} {
			p.Exec(t, "delete from sso_keys")
			s.Set(t, sso.Input{Name: ptr(name)}) // nothing is prepared
			created := func() (n int) {
				for _, e := range s.Events(t) {
					if e.Action == audit.ProfileKeyCreated && e.Actor.Kind == "system" {
						n++
					}
				}
				return n
			}
			before := created()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := need(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			wg.Wait()
			if n := p.Count(t, "select count(*) from sso_keys"); n != 1 {
				t.Errorf("%s: %d keys", name, n)
			}
			if n := created() - before; n != 1 {
				t.Errorf("%s: %d events", name, n)
			}
		}
	})
}

func TestADeletedProfileTakesItsKeysAlong(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		profile := p.Organization(t, "Acme").Profile(t)
		if err := p.SSO.Delete(t.Context(), operator, profile.ID); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sso_keys"); n != 0 {
			t.Errorf("%d keys", n)
		}
	})
}

// with is the same installation with another ring of key-encryption keys.
func with(p *parts.Parts, ring *secret.Ring) *sso.Service {
	return sso.New(p.DB, p.IDs, p.Audit, p.Directory, p.SignIn, p.Record, ring, slog.New(slog.DiscardHandler),
		sso.Config{BaseURL: parts.BaseURL, Observe: func(time.Duration) {}, Jobs: p.Jobs})
}

func TestPrivateKeysAreSealed(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		other := s.Organization.Profile(t)
		private := func(profileID string) (raw []byte) {
			p.View(t, func(tx *db.Tx) error {
				return tx.QueryRow("select private_key from sso_keys where sso_profile_id = $1", profileID).Scan(&raw)
			})
			return raw
		}
		sealed := private(s.ID)
		if _, err := x509.ParsePKCS8PrivateKey(sealed); err == nil || bytes.Contains(sealed, []byte{0x30, 0x82}) && len(sealed) < 1000 {
			t.Error("it is readable")
		}
		// In the row of another key it is worth nothing.
		p.Exec(t, "update sso_keys set private_key = $1 where sso_profile_id = $2", sealed, other.ID)
		if _, err := with(p, p.Ring).Metadata(t.Context(), other.ID, true); err == nil {
			t.Error("a moved key signs")
		}

		// Another key-encryption key: what needs no private key goes on.
		newKey := secret.NewKey()
		lost := with(p, secret.NewRing(newKey))
		if _, err := lost.Start(t.Context(), sso.Start{ProfileID: s.ID}); err != nil {
			t.Error(err)
		}
		if _, err := lost.Metadata(t.Context(), s.ID, false); err != nil {
			t.Error(err)
		}
		if _, err := lost.Metadata(t.Context(), s.ID, true); err == nil {
			t.Error("signed without a key")
		}
		s.Set(t, sso.Input{Options: &sso.OptionsInput{SignRequests: ptr(true)}})
		if _, err := lost.Start(t.Context(), sso.Start{ProfileID: s.ID}); err == nil {
			t.Error("a request goes out unsigned")
		}
	})
}

func TestReseal(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Organization.Profile(t)
		for _, step := range []struct {
			ring  *secret.Ring
			count int
		}{
			{p.Ring, 0},
			{secret.NewRing(secret.NewKey()), -1}, // can't read them
		} {
			n, err := with(p, step.ring).Reseal(t.Context(), operator)
			if (err != nil) != (step.count < 0) || err == nil && n != step.count {
				t.Fatalf("%d, %v", n, err)
			}
		}
		newKey := secret.NewKey()
		next := p.WithKey(newKey)
		n, err := with(p, next).Reseal(t.Context(), operator)
		if err != nil || n != 3 { // our two, and the key of the audit log
			t.Fatalf("%d, %v", n, err)
		}
		if n, err = with(p, next).Reseal(t.Context(), operator); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
		if _, err := with(p, secret.NewRing(newKey)).Metadata(t.Context(), s.ID, true); err != nil {
			t.Error(err)
		}
		if n := p.Count(t, "select count(*) from audit_events where action = 'secrets.resealed' and organization_id is null"); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestOurMetadataIsSignedOnRequest(t *testing.T) {
	p := parts.New(t, "sqlite")
	profile := p.Organization(t, "Acme").Profile(t)
	doc, err := p.SSO.Metadata(t.Context(), profile.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	for pin, good := range map[*x509.Certificate]bool{
		readOurSide(t, p, profile.ID).Signing[0]: true, samltest.NamedKey(samltest.SP).Certificate: false,
	} {
		err := metadata.Each(bytes.NewReader(doc), metadata.Options{Pins: []*x509.Certificate{pin}}, func(metadata.Entity) error { return nil })
		if (err == nil) != good {
			t.Errorf("%s: %v", pin.Subject, err)
		}
	}
}
