package sso_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// TestDocumentsAreReadOrNamedInWords: a bad document changes nothing, and what is
// wrong is said with its line; a good one is shown.
func TestDocumentsAreReadOrNamedInWords(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	v, err := create(t, acme, sso.Input{Name: ptr("Login")})
	if err != nil {
		t.Fatal(err)
	}
	admin, refused := acme.Actor(access.RoleAdministrator), 0
	for _, d := range parts.Documents() {
		r, err := p.SSO.ReadIdP(t.Context(), admin, v.ID, sso.Uploaded, sso.Input{MetadataXML: &d.Text})
		if d.Says != "" {
			refused++
			f := parts.Refused(t, err, fault.MetadataInvalid)
			if line := fmt.Sprintf("line %d: ", d.Line); !strings.Contains(f.Detail, d.Says) || strings.HasPrefix(f.Detail, "line ") != (d.Line > 0) ||
				d.Line > 0 && !strings.HasPrefix(f.Detail, line) {
				t.Errorf("%s: %s", d.Name, f.Detail)
			}
			continue
		}
		if err != nil || len(r.Found) != max(1, d.Several) || len(r.Found[0].Certificates) != 1 || len(r.Found[0].SSO) != 2 {
			t.Errorf("%s: %+v, %v", d.Name, r, err)
		}
	}
	if refused < 25 {
		t.Errorf("only %d bad documents", refused)
	}
	if now, err := p.SSO.Profile(t.Context(), admin, v.ID); err != nil || now.State != sso.Draft || now.Version != v.Version {
		t.Errorf("%+v, %v", now, err)
	}
	if n := p.Count(t, "select count(*) from sso_readings"); n != 4 {
		t.Errorf("%d readings", n)
	}
}

func TestWhatIsSavedIsWhatWasShown(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		v, err := create(t, acme, sso.Input{Name: ptr("Login")})
		if err != nil {
			t.Fatal(err)
		}
		other, err := create(t, acme, sso.Input{Name: ptr("Other")})
		if err != nil {
			t.Fatal(err)
		}
		admin := acme.Actor(access.RoleAdministrator)
		document := ""
		for _, d := range parts.Documents() {
			if d.Several == 2 {
				document = d.Text
			}
		}
		r, err := p.SSO.ReadIdP(t.Context(), admin, v.ID, sso.Pasted, sso.Input{MetadataXML: &document})
		if err != nil {
			t.Fatal(err)
		}
		shown, err := p.SSO.Reading(t.Context(), admin, v.ID, r.ID)
		if err != nil || len(shown.Found) != 2 || shown.Source != sso.Pasted || !shown.Found[1].Certificates[0].Equal(samltest.NamedKey(samltest.RSA2048).Certificate) {
			t.Fatalf("%+v, %v", shown, err)
		}

		// Not by others, not for another profile, and not without a choice.
		_, err = p.SSO.Reading(t.Context(), globex.Actor(access.RoleOwner), v.ID, r.ID)
		parts.Refused(t, err, fault.NotFound)
		_, err = p.SSO.Reading(t.Context(), acme.Token(access.ScopeRead), v.ID, r.ID)
		parts.Refused(t, err, fault.Forbidden)
		_, err = p.SSO.Accept(t.Context(), admin, other.ID, r.ID, "https://idp.example/second")
		parts.Refused(t, err, fault.NotFound)
		for _, entityID := range []string{"", "https://nobody.example"} {
			_, err = p.SSO.Accept(t.Context(), admin, v.ID, r.ID, entityID)
			parts.Refused(t, err, fault.CodeInvalid)
		}

		saved, err := p.SSO.Accept(t.Context(), admin, v.ID, r.ID, "https://idp.example/second")
		if err != nil || saved.State != sso.Configured || saved.EntityID != "https://idp.example/second" || len(saved.SSO) != 2 || len(saved.Certificates) != 1 {
			t.Errorf("%+v, %v", saved, err)
		}
		p.Pass(time.Hour)
		_, err = p.SSO.Reading(t.Context(), admin, v.ID, r.ID)
		parts.Refused(t, err, fault.NotFound)
		if p.Pass(time.Second); p.SSO.Purge(t.Context()) != nil || p.Count(t, "select count(*) from sso_readings") != 0 {
			t.Error("a reading stays")
		}

		hand := byHand(parts.PEM(samltest.RSA2048), parts.PEM(samltest.RSA2048Other))
		for range 8 {
			p.Pass(time.Millisecond)
			if r, err = p.SSO.ReadIdP(t.Context(), admin, v.ID, sso.ByHand, hand); err != nil {
				t.Fatal(err)
			}
		}
		if n := p.Count(t, "select count(*) from sso_readings"); n != 5 {
			t.Errorf("%d readings are kept", n)
		}
		if saved, err = p.SSO.Accept(t.Context(), admin, v.ID, r.ID, ""); err != nil || len(saved.Certificates) != 2 {
			t.Errorf("%+v, %v", saved, err)
		}
		hand.EntityID = ptr("")
		_, err = p.SSO.ReadIdP(t.Context(), admin, v.ID, sso.ByHand, hand)
		parts.Refused(t, err, fault.CodeInvalid)

		if err := p.SSO.Delete(t.Context(), admin, v.ID); err != nil {
			t.Error(err)
		}
		acme.Edition(t, directory.Standard)
		_, err = p.SSO.ReadIdP(t.Context(), admin, other.ID, sso.Pasted, sso.Input{MetadataXML: &document})
		parts.Refused(t, err, fault.EditionRequired)
	})
}

// TestOneOfSeveralThatCanNotBeUsed: the document is read for the sake of the
// others, and the one is refused with its reason.
func TestOneOfSeveralThatCanNotBeUsed(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	document := ""
	for _, d := range parts.Documents() {
		if d.Several == 2 {
			document = strings.Replace(d.Text, `use="signing"`, `use="encryption"`, 1)
		}
	}
	in := sso.Input{Name: ptr("Login"), MetadataXML: &document, EntityID: ptr("https://idp.example/metadata")}
	_, err := create(t, acme, in)
	if f := parts.Refused(t, err, fault.MetadataInvalid); !strings.Contains(f.Detail, "no signing certificate") {
		t.Error(f)
	}
	v, err := create(t, acme, sso.Input{Name: ptr("Login")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.SSO.ReadIdP(t.Context(), operator, v.ID, sso.Pasted, sso.Input{MetadataXML: &document})
	if err != nil || r.Found[0].Fault == nil || r.Found[1].Fault != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = p.SSO.Accept(t.Context(), operator, v.ID, r.ID, r.Found[0].EntityID)
	parts.Refused(t, err, fault.MetadataInvalid)
	if _, err = p.SSO.Accept(t.Context(), operator, v.ID, r.ID, r.Found[1].EntityID); err != nil {
		t.Error(err)
	}
}

func TestNotes(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	x := acme.Profile(t)
	for text, want := range map[string]string{"": "", " Owned by IT.\r\nAsk there. ": "Owned by IT.\nAsk there.", strings.Repeat("ä", 2000): strings.Repeat("ä", 2000)} {
		if v, err := p.SSO.Update(t.Context(), operator, x.ID, sso.Input{Notes: &text}); err != nil || v.Notes != want || v.State != sso.Tested {
			t.Errorf("%q: %q %s, %v", text, v.Notes, v.State, err)
		}
	}
	for _, bad := range []string{strings.Repeat("a", 2001), "a\x00b", "\xff", "\x1b[31m"} {
		_, err := p.SSO.Update(t.Context(), operator, x.ID, sso.Input{Notes: &bad})
		if parts.Refused(t, err, fault.CodeInvalid); fmt.Sprint(parts.Fields(err)) != "[notes]" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
