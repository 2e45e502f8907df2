package sso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

func sha256Of(b []byte) [32]byte { return sha256.Sum256(b) }

// ends is a certificate, PEM, that ends at an instant.
func ends(t *testing.T, name string, at time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: at.AddDate(-3, 0, 0), NotAfter: at}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestPeopleAreToldBeforeACertificateEnds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		owner, admin := acme.User(t, "owner@acme.test", access.RoleOwner), acme.User(t, "admin@acme.test", access.RoleAdministrator)
		acme.User(t, "user@acme.test", access.RoleMember)
		end := p.Now().Add(100 * 24 * time.Hour).Truncate(time.Second)
		if _, err := create(t, acme, byHand(ends(t, "signing", end), ends(t, "over", p.Now().Add(-time.Hour)))); err != nil {
			t.Fatal(err)
		}
		watch := func(want int, before time.Duration) {
			t.Helper()
			p.Pass(end.Add(-before).Sub(p.Now()))
			for range 2 { // each once
				if err := p.SSO.WatchCertificates(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, to := range []string{owner.Email, admin.Email, "user@acme.test"} {
				n := want
				if to == "user@acme.test" {
					n = 0
				}
				list := p.Mails(t, to)
				if len(list) != n {
					t.Errorf("%s before: %d mails to %s", before, len(list), to)
				}
				for _, m := range list {
					if !strings.Contains(m.Text, "CN=signing") || !strings.Contains(m.Text, "/certificates") || !strings.Contains(m.Subject, "Login") {
						t.Errorf("%s: %s", m.Subject, m.Text)
					}
				}
			}
		}
		const day = 24 * time.Hour
		watch(0, 61*day)
		watch(1, 60*day)
		watch(0, 31*day)
		watch(1, 30*day)
		watch(0, 8*day)
		watch(1, 20*time.Hour) // nobody was there for a week: told once, not twice
		watch(0, time.Hour)
		watch(0, -day)
	})
}

func TestPeopleAreToldBeforeOurOwnCertificateEnds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		p.Update(t, operator, func(tx *db.Tx) error {
			tx.Recorded()
			return p.Directory.SetLanguage(tx, owner.ID, "de")
		})
		v, err := create(t, acme, sso.Input{Name: ptr("Login")})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := p.SSO.Keys(t.Context(), operator, v.ID)
		if err != nil {
			t.Fatal(err)
		}
		p.Pass(keys[0].Certificate.NotAfter.Add(-5 * 24 * time.Hour).Sub(p.Now()))
		if err := p.SSO.WatchCertificates(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := p.Mail(t, owner.Email); !strings.Contains(m.Subject, "Unser Zertifikat") || !strings.Contains(m.Text, keys[0].Certificate.Subject.CommonName) {
			t.Errorf("%s: %s", m.Subject, m.Text)
		}
	})
}
