package sso_test

import (
	"testing"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// TestAHolderEntersAMetadataURL: what the holder of a link has seen becomes the
// draft, and once it is applied the URL is followed as an administrator's is.
func TestAHolderEntersAMetadataURL(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		r := &rollover{Profile: &parts.Profile{Organization: d.Organization, ID: d.Profile.ID, IdP: samltest.NewIdP()}}
		r.user = d.user
		url := r.shows(t, samltest.RSA2048)
		p.Mails(t, d.maker.Email) // of the beginning
		read, err := p.SSO.ReadSetup(t.Context(), from, d.key, sso.FromURL, byURL(url))
		if err != nil || len(read.Found) != 1 || read.URL != url {
			t.Fatalf("%+v, %v", read, err)
		}
		if v, err := p.SSO.Setup(t.Context(), d.key); err != nil || v.Entered.EntityID != "" || len(p.Mails(t, d.maker.Email)) != 0 {
			t.Errorf("to look has changed something: %+v, %v", v, err)
		}
		r.shows(t, samltest.RSA3072) // meanwhile: what was shown counts
		d.Pass(time.Millisecond)
		if err := p.SSO.AcceptSetup(t.Context(), from, d.key, read.ID, ""); err != nil {
			t.Fatal(err)
		}
		d.Recorded(t, audit.DraftEntered)
		v, err := p.SSO.Setup(t.Context(), d.key)
		if err != nil || v.Entered.MetadataURL != url || v.Entered.Certificates[0].SHA256 != sha(t, samltest.RSA2048) || len(p.Mails(t, d.maker.Email)) != 1 {
			t.Fatalf("%+v, %v", v.Entered, err)
		}
		// Another choice of the product leaves the rest.
		d.Pass(time.Millisecond)
		product := "entra"
		if err := p.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{IdP: &product}); err != nil {
			t.Fatal(err)
		}
		live, err := p.SSO.Profile(t.Context(), operator, d.Profile.ID)
		if err != nil || live.MetadataURL != "" {
			t.Errorf("the draft counts already: %+v, %v", live, err)
		}
		if n := p.Count(t, "select count(*) from sso_metadata"); n != 0 {
			t.Errorf("%d documents are followed before the draft is applied", n)
		}
		d.Pass(time.Millisecond)
		applied, err := p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{})
		if err != nil || applied.MetadataURL != url || applied.IdP != "entra" {
			t.Fatalf("%+v, %v", applied, err)
		}
		r.stands(t, "rsa2048=used")
		// Nobody makes it due: a day later it is read by itself.
		d.Pass(24*time.Hour + time.Minute)
		if err := p.SSO.RefreshDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.stands(t, "rsa2048=used", "rsa3072=waiting")
		// Data of another kind end it.
		_, key := d.another(t)
		if _, token, err := p.SSO.ClaimSetup(t.Context(), from, key); err != nil {
			t.Fatal(err)
		} else {
			key.BrowserTokens = []string{token}
		}
		document := string(d.IdP.Metadata())
		if err := p.SSO.EnterSetup(t.Context(), from, key, sso.Input{MetadataXML: &document}); err != nil {
			t.Fatal(err)
		}
		d.Pass(time.Millisecond)
		if applied, err = p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{}); err != nil || applied.MetadataURL != "" {
			t.Errorf("%+v, %v", applied, err)
		}
		if n := p.Count(t, "select count(*) from sso_metadata"); n != 0 {
			t.Errorf("%d documents are still followed", n)
		}
	})
}

// TestAHoldersReadingIsTheirs: neither an administrator nor another link's holder
// has it, and bad data are refused as they are for an administrator.
func TestAHoldersReadingIsTheirs(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		document := string(d.IdP.Metadata())
		read, err := p.SSO.ReadSetup(t.Context(), from, d.key, sso.Pasted, sso.Input{MetadataXML: &document})
		if err != nil {
			t.Fatal(err)
		}
		_, other := d.another(t)
		_, token, err := p.SSO.ClaimSetup(t.Context(), from, other)
		if err != nil {
			t.Fatal(err)
		}
		other.BrowserTokens = []string{token}
		_, _, err = p.SSO.SetupReading(t.Context(), other, read.ID)
		parts.Refused(t, err, fault.NotFound)
		parts.Refused(t, p.SSO.AcceptSetup(t.Context(), from, other, read.ID, ""), fault.NotFound)
		_, err = p.SSO.Reading(t.Context(), d.actor(), d.Profile.ID, read.ID)
		parts.Refused(t, err, fault.NotFound)
		admins, err := p.SSO.ReadIdP(t.Context(), d.actor(), d.Profile.ID, sso.Pasted, sso.Input{MetadataXML: &document})
		if err != nil {
			t.Fatal(err)
		}
		parts.Refused(t, p.SSO.AcceptSetup(t.Context(), from, d.key, admins.ID, ""), fault.NotFound)
		stranger := sso.SetupKey{Token: d.key.Token, BrowserTokens: []string{"another"}}
		_, err = p.SSO.ReadSetup(t.Context(), from, stranger, sso.Pasted, sso.Input{MetadataXML: &document})
		parts.Refused(t, err, fault.LinkUsed)
		_, _, err = p.SSO.SetupReading(t.Context(), stranger, read.ID)
		parts.Refused(t, err, fault.LinkUsed)
		// Many readings of a holder push out none of an administrator.
		for range 6 {
			d.Pass(time.Millisecond)
			if read, err = p.SSO.ReadSetup(t.Context(), from, d.key, sso.Pasted, sso.Input{MetadataXML: &document}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.SSO.Reading(t.Context(), d.actor(), d.Profile.ID, admins.ID); err != nil {
			t.Error(err)
		}
		_, err = p.SSO.ReadSetup(t.Context(), from, d.key, sso.FromURL, byURL("https://"+idpHost+".nowhere.test/metadata"))
		parts.Refused(t, err, fault.MetadataFetchFailed)
		html := "<html>"
		_, err = p.SSO.ReadSetup(t.Context(), from, d.key, sso.Pasted, sso.Input{MetadataXML: &html})
		parts.Refused(t, err, fault.MetadataInvalid)
		d.Pass(time.Hour)
		parts.Refused(t, p.SSO.AcceptSetup(t.Context(), from, d.key, read.ID, ""), fault.NotFound)
		// The uses of a link are bounded, those that only read as well.
		p.Exec(t, "update sso_setup_links set uses = 299 where id = $1", d.link.ID)
		if _, err := p.SSO.ReadSetup(t.Context(), from, d.key, sso.Pasted, sso.Input{MetadataXML: &document}); err != nil {
			t.Error(err)
		}
		_, err = p.SSO.ReadSetup(t.Context(), from, d.key, sso.Pasted, sso.Input{MetadataXML: &document})
		parts.Refused(t, err, fault.RateLimited)
	})
}
