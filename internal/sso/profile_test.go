package sso_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

var operator = parts.Operator()

func ptr[T any](v T) *T { return &v }

// byHand is an Identity Provider entered field by field.
func byHand(certificates ...string) sso.Input {
	return sso.Input{Name: ptr("Login"), EntityID: ptr("https://idp.example/metadata"), SSOURL: ptr("https://idp.example/sso"), Certificates: certificates}
}

func create(t *testing.T, o *parts.Organization, in sso.Input) (sso.View, error) {
	t.Helper()
	o.Pass(time.Millisecond)
	return o.SSO.Create(t.Context(), o.Actor(access.RoleAdministrator), o.ID, in)
}

func TestADraftHasOurSideAlready(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		v, err := create(t, acme, sso.Input{Name: ptr(" Login "), IdP: ptr("entra")})
		if err != nil {
			t.Fatal(err)
		}
		want := sso.Profile{ID: v.ID, OrganizationID: acme.ID, Name: "Login", IdP: "entra", ManagedBy: "organization",
			Options: sso.Options{IdPInitiated: saml.Restart, NameIDPolicy: saml.NameIDEmail, ClockToleranceSeconds: 180}, Version: 1, CreatedAt: p.Now()}
		if v.State != sso.Draft || !reflect.DeepEqual(v.Profile, want) || len(v.Warnings) != 0 {
			t.Errorf("%+v", v)
		}
		urls := p.SSO.URLs(v.ID)
		base := parts.BaseURL + "/saml/" + v.ID
		if urls != (sso.URLs{EntityID: base + "/metadata", Metadata: base + "/metadata", ACS: base + "/acs", Start: base + "/start", SLO: base + "/slo"}) {
			t.Errorf("%+v", urls)
		}
		doc, err := p.SSO.Metadata(t.Context(), v.ID, false)
		if err != nil || !bytes.Contains(doc, []byte(urls.EntityID)) || !bytes.Contains(doc, []byte(urls.ACS)) {
			t.Errorf("%s, %v", doc, err)
		}
		_, err = p.SSO.Start(t.Context(), sso.Start{ProfileID: v.ID})
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Consume(t, sso.Response{ProfileID: v.ID})
		parts.Refused(t, err, fault.NotFound)
		for _, none := range []string{"", "sso_none", p.IDs.New(id.SSOProfile), acme.ID} {
			_, err = p.SSO.Metadata(t.Context(), none, false)
			parts.Refused(t, err, fault.NotFound)
		}
	})
}

func TestMetadataAndFieldsMakeTheSameProfile(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		one, err := create(t, acme, parts.Known(samltest.NewIdP()))
		if err != nil {
			t.Fatal(err)
		}
		two, err := create(t, acme, byHand(parts.PEM(samltest.RSA2048)))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []sso.View{one, two} {
			read, err := p.SSO.Profile(t.Context(), acme.Token(access.ScopeRead), v.ID)
			if err != nil || !reflect.DeepEqual(read, v) {
				t.Errorf("read again:\n%+v\n%+v, %v", read, v, err)
			}
			if v.State != sso.Configured || v.EntityID != "https://idp.example/metadata" || v.SSO[0].Binding != saml.HTTPRedirect ||
				v.SSO[0].Location != "https://idp.example/sso" || len(v.Certificates) != 1 {
				t.Errorf("%+v", v)
			}
		}
		if e := acme.Recorded(t, audit.ProfileCreated); len(e.Changes) < 5 {
			t.Errorf("%v", e.Changes)
		}
		list, err := p.SSO.Profiles(t.Context(), acme.Actor(access.RoleOwner), acme.ID, directory.Page{Limit: 10})
		if err != nil || len(list) != 2 || list[0].ID != two.ID {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestCertificatesOfEveryKindOfSpelling(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	one, two := parts.PEM(samltest.RSA2048), parts.PEM(samltest.EC256)
	der := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.RSA2048).Certificate.Raw)
	var wrapped strings.Builder
	for i := 0; i < len(der); i += 64 {
		wrapped.WriteString(der[i:min(i+64, len(der))] + "\r\n")
	}
	key := "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		in    []string
		count int // 0: refused
	}{
		"PEM":                   {[]string{one}, 1},
		"PEM with Windows ends": {[]string{strings.ReplaceAll(one, "\n", "\r\n")}, 1},
		"DER in base64":         {[]string{der}, 1},
		"in lines":              {[]string{wrapped.String()}, 1},
		"two":                   {[]string{one, two}, 2},
		"two in one text":       {[]string{one + "\n\n" + two}, 2},
		"one twice":             {[]string{one, der, one}, 1},
		"expired":               {[]string{parts.PEM(samltest.RSA2048Expired)}, 1},
		"of the future":         {[]string{parts.PEM(samltest.RSA2048Future)}, 1},
		"P-521":                 {[]string{parts.PEM(samltest.EC521)}, 1},
		"six": {[]string{one, two, parts.PEM(samltest.EC384), parts.PEM(samltest.EC521), parts.PEM(samltest.RSA3072),
			parts.PEM(samltest.RSA2048Other)}, 6},
		"none":               {[]string{}, 0},
		"an empty text":      {[]string{""}, 0},
		"RSA of 1024 bits":   {[]string{parts.PEM(samltest.RSA1024)}, 0},
		"a weak one besides": {[]string{one, parts.PEM(samltest.RSA1024)}, 0},
		"nonsense":           {[]string{"nonsense"}, 0},
		"base64 of nonsense": {[]string{"bm9uc2Vuc2U="}, 0},
		"a private key":      {[]string{key}, 0},
		"a key besides":      {[]string{one + key}, 0},
		"cut off":            {[]string{one[:len(one)-40]}, 0},
		"text behind":        {[]string{one + "and so on"}, 0},
		"a web page":         {[]string{"<html>"}, 0},
	} {
		v, err := create(t, acme, byHand(c.in...))
		if c.count == 0 {
			parts.Refused(t, err, fault.CodeInvalid)
			if got := fmt.Sprint(parts.Fields(err)); got != "[certificates]" {
				t.Errorf("%s: %s", name, got)
			}
			if strings.Contains(err.Error(), "nonsense") {
				t.Errorf("%s: repeated: %v", name, err)
			}
		} else if err != nil || len(v.Certificates) != c.count {
			t.Errorf("%s: %d, %v", name, len(v.Certificates), err)
		}
	}
}

func TestTheIdentityProvidersDataAreCompleteOrADraft(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	cert := []string{parts.PEM(samltest.RSA2048)}
	entity, url := ptr("https://idp.example/metadata"), ptr("https://idp.example/sso")
	for name, c := range map[string]struct {
		in   sso.Input
		want string
	}{
		"all":                  {sso.Input{EntityID: entity, SSOURL: url, Certificates: cert}, "[]"},
		"only an entity ID":    {sso.Input{EntityID: entity}, "[sso_url certificates]"},
		"only a URL":           {sso.Input{SSOURL: url}, "[entity_id certificates]"},
		"only certificates":    {sso.Input{Certificates: cert}, "[entity_id sso_url]"},
		"an empty entity ID":   {sso.Input{EntityID: ptr(" "), SSOURL: url, Certificates: cert}, "[entity_id]"},
		"a long entity ID":     {sso.Input{EntityID: ptr(strings.Repeat("x", 1025)), SSOURL: url, Certificates: cert}, "[entity_id]"},
		"an empty URL":         {sso.Input{EntityID: entity, SSOURL: ptr(""), Certificates: cert}, "[sso_url]"},
		"javascript":           {sso.Input{EntityID: entity, SSOURL: ptr("javascript:alert(1)"), Certificates: cert}, "[sso_url]"},
		"a path":               {sso.Input{EntityID: entity, SSOURL: ptr("/sso"), Certificates: cert}, "[sso_url]"},
		"a user in the URL":    {sso.Input{EntityID: entity, SSOURL: ptr("https://a:b@idp.example/"), Certificates: cert}, "[sso_url]"},
		"a sign-out elsewhere": {sso.Input{EntityID: entity, SSOURL: url, SLOURL: ptr("ftp://idp.example/"), Certificates: cert}, "[slo_url]"},
		"no name":              {sso.Input{Name: ptr("")}, "[name]"},
		"everything wrong":     {sso.Input{Name: ptr("a\nb"), IdP: ptr("none"), ManagedBy: ptr("me"), Options: &sso.OptionsInput{ClockToleranceSeconds: ptr(-1)}}, "[name idp managed_by options.clock_tolerance_seconds]"},
	} {
		if c.in.Name == nil {
			c.in.Name = ptr("Login")
		}
		_, err := p.SSO.Create(t.Context(), operator, acme.ID, c.in)
		if got := fmt.Sprint(parts.Fields(err)); got != c.want {
			t.Errorf("%s: %v, not %s", name, err, c.want)
		}
	}
	_, err := p.SSO.Create(t.Context(), operator, acme.ID, sso.Input{})
	if got := fmt.Sprint(parts.Fields(err)); got != "[name]" {
		t.Error(got)
	}
}

func TestWhatIsWrongWithMetadataIsSaid(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	idp := samltest.NewIdP()
	good := string(idp.Metadata())
	other := samltest.NewIdP()
	other.EntityID = "https://other.example/metadata"
	entity := func(doc string) string { return doc[strings.Index(doc, "<md:EntityDescriptor"):] }
	several := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + entity(good) + entity(string(other.Metadata())) + `</md:EntitiesDescriptor>`
	weak := samltest.NewIdP()
	weak.Key = samltest.NamedKey(samltest.RSA1024)
	ours := metadata.ServiceProvider{EntityID: "https://app.example/metadata", ACSURL: "https://app.example/acs"}.XML()
	for name, c := range map[string]struct {
		xml, entityID, says string
	}{
		"empty":              {"", "", "empty"},
		"a web page":         {"<!DOCTYPE html><html></html>", "", "web page"},
		"a certificate":      {parts.PEM(samltest.RSA2048), "", "certificate"},
		"an address":         {"https://idp.example/metadata", "", "address"},
		"a service provider": {string(ours), "", "service provider"},
		"not well-formed":    {good[:len(good)/2], "", "not well-formed"},
		"a weak key":         {string(weak.Metadata()), "", "1024 bits"},
		"several":            {several, "", "name one as entity_id"},
		"another entity":     {good, "https://nobody.example", "no Identity Provider with this entity ID"},
	} {
		in := sso.Input{Name: ptr("Login"), MetadataXML: &c.xml}
		if c.entityID != "" {
			in.EntityID = &c.entityID
		}
		_, err := create(t, acme, in)
		if f := parts.Refused(t, err, fault.MetadataInvalid); !strings.Contains(f.Detail, c.says) || fmt.Sprint(parts.Fields(err)) != "[metadata_xml]" {
			t.Errorf("%s: %v", name, f)
		}
	}
	v, err := create(t, acme, sso.Input{Name: ptr("Login"), MetadataXML: &several, EntityID: &other.EntityID})
	if err != nil || v.EntityID != other.EntityID {
		t.Errorf("one of several: %+v, %v", v, err)
	}
}

func TestOptionsHaveBounds(t *testing.T) {
	p := parts.New(t, "sqlite")
	profile := p.Organization(t, "Acme").Configured(t)
	for name, c := range map[string]struct {
		in   sso.OptionsInput
		want string
	}{
		"no tolerance":          {sso.OptionsInput{ClockToleranceSeconds: ptr(0)}, "[]"},
		"all the tolerance":     {sso.OptionsInput{ClockToleranceSeconds: ptr(300)}, "[]"},
		"more":                  {sso.OptionsInput{ClockToleranceSeconds: ptr(301)}, "[options.clock_tolerance_seconds]"},
		"less than none":        {sso.OptionsInput{ClockToleranceSeconds: ptr(-1)}, "[options.clock_tolerance_seconds]"},
		"a mode":                {sso.OptionsInput{IdPInitiated: ptr(saml.Accept)}, "[]"},
		"no mode":               {sso.OptionsInput{IdPInitiated: ptr(saml.Mode("always"))}, "[options.idp_initiated]"},
		"an empty mode":         {sso.OptionsInput{IdPInitiated: ptr(saml.Mode(""))}, "[options.idp_initiated]"},
		"a policy":              {sso.OptionsInput{NameIDPolicy: ptr(saml.NameIDNone)}, "[]"},
		"no policy":             {sso.OptionsInput{NameIDPolicy: ptr(saml.NameIDPolicy("persistent"))}, "[options.name_id_policy]"},
		"a context":             {sso.OptionsInput{AuthnContext: ptr(samltest.PasswordTransport)}, "[]"},
		"a context with spaces": {sso.OptionsInput{AuthnContext: ptr("a b")}, "[options.authn_context]"},
		"a long context":        {sso.OptionsInput{AuthnContext: ptr(strings.Repeat("a", 501))}, "[options.authn_context]"},
	} {
		_, err := p.SSO.Update(t.Context(), operator, profile.ID, sso.Input{Options: &c.in})
		if got := fmt.Sprint(parts.Fields(err)); got != c.want {
			t.Errorf("%s: %v, not %s", name, err, c.want)
		}
	}
	want := sso.Options{IdPInitiated: saml.Accept, NameIDPolicy: saml.NameIDNone, AuthnContext: samltest.PasswordTransport}
	v, err := p.SSO.Profile(t.Context(), operator, profile.ID)
	if v.Options.ClockToleranceSeconds = 0; err != nil || v.Options != want {
		t.Errorf("%+v, %v", v.Options, err)
	}
}

// TestWhatMattersAsksForANewTest changes one thing after the other of a tested
// profile.
func TestWhatMattersAsksForANewTest(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		changes := map[string]struct {
			in      sso.Input
			matters bool
		}{
			"the name":           {sso.Input{Name: ptr("Other")}, false},
			"the product":        {sso.Input{IdP: ptr("okta")}, false},
			"who manages it":     {sso.Input{ManagedBy: ptr("operator")}, false},
			"the mode":           {sso.Input{Options: &sso.OptionsInput{IdPInitiated: ptr(saml.Accept)}}, false},
			"nothing":            {sso.Input{}, false},
			"the same":           {parts.Known(samltest.NewIdP()), false},
			"the entity ID":      {sso.Input{EntityID: ptr("https://idp.example/other")}, true},
			"the sign-in URL":    {sso.Input{SSOURL: ptr("https://idp.example/other")}, true},
			"the certificates":   {sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048Other)}}, true},
			"one more by hand":   {sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048), parts.PEM(samltest.RSA2048Other)}}, true},
			"a signed response":  {sso.Input{Options: &sso.OptionsInput{RequireSignedResponse: ptr(true)}}, true},
			"the tolerance":      {sso.Input{Options: &sso.OptionsInput{ClockToleranceSeconds: ptr(0)}}, true},
			"SHA-1":              {sso.Input{Options: &sso.OptionsInput{AllowSHA1: ptr(true)}}, true},
			"the NameID policy":  {sso.Input{Options: &sso.OptionsInput{NameIDPolicy: ptr(saml.NameIDNone)}}, true},
			"the context":        {sso.Input{Options: &sso.OptionsInput{AuthnContext: ptr("urn:x")}}, true},
			"forced sign-in":     {sso.Input{Options: &sso.OptionsInput{ForceAuthn: ptr(true)}}, true},
			"signed requests":    {sso.Input{Options: &sso.OptionsInput{SignRequests: ptr(true)}}, true},
			"encryption":         {sso.Input{Options: &sso.OptionsInput{RequireEncryptedAssertion: ptr(true)}}, true},
			"whose metadata":     {sso.Input{Options: &sso.OptionsInput{MetadataPin: ptr(parts.PEM(samltest.SP))}}, false},
			"expired refused":    {sso.Input{Options: &sso.OptionsInput{RefuseExpiredCertificate: ptr(true)}}, true},
			"where it signs out": {sso.Input{SLOURL: ptr("https://idp.example/slo")}, true},
		}
		for name, c := range changes {
			profile := acme.Profile(t)
			if name == "the same" {
				c.in.Name = nil
			}
			v := profile.Set(t, c.in)
			if got := v.State != sso.Tested; got != c.matters {
				t.Errorf("%s: %s", name, v.State)
			}
		}
		// Back to what was tested is tested.
		profile := acme.Profile(t)
		profile.Set(t, sso.Input{SSOURL: ptr("https://idp.example/other")})
		if v := profile.Set(t, parts.Known(profile.IdP)); v.State != sso.Tested {
			t.Error(v.State)
		}
	})
}

func TestStatesOfAProfile(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		profile := acme.Configured(t)
		state := func(want sso.State) {
			t.Helper()
			v, err := p.SSO.Profile(t.Context(), operator, profile.ID)
			if err != nil || v.State != want {
				t.Errorf("%s, not %s, %v", v.State, want, err)
			}
		}
		set := func(to sso.State) error {
			p.Pass(time.Second)
			_, err := p.SSO.Update(t.Context(), operator, profile.ID, sso.Input{State: &to})
			return err
		}
		state(sso.Configured)
		profile.Test(t)
		state(sso.Tested)
		profile.Enforce(t, d)
		state(sso.Enforced)
		parts.Refused(t, set(sso.Disabled), fault.SSOProfileInUse)
		p.Release(t, d)
		if err := set(sso.Disabled); err != nil {
			t.Fatal(err)
		}
		state(sso.Disabled)
		acme.Recorded(t, audit.ProfileDisabled)
		_, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: profile.ID})
		parts.Refused(t, err, fault.SSOProfileDisabled)
		if err := set(sso.Configured); err != nil {
			t.Fatal(err)
		}
		state(sso.Tested)
		acme.Recorded(t, audit.ProfileEnabled)
		for _, wrong := range []sso.State{sso.Tested, sso.Enforced, sso.Draft, ""} {
			parts.Refused(t, set(wrong), fault.CodeInvalid)
		}
		// What did not change is not said to have changed.
		p.Pass(time.Second)
		profile.Set(t, sso.Input{State: ptr(sso.Configured), Name: ptr("Other")})
		if e := acme.Recorded(t, audit.ProfileUpdated, audit.ProfileEnabled); e.Action != audit.ProfileUpdated || len(e.Changes) != 1 {
			t.Errorf("%+v", e)
		}
	})
}

func TestAProfileInUseStays(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		u, profile := acme.User(t, "user@acme.test", access.RoleMember), acme.Profile(t)
		remove := func() error { return p.SSO.Delete(t.Context(), operator, profile.ID) }
		profile.Enforce(t, d)
		if f := parts.Refused(t, remove(), fault.SSOProfileInUse); !strings.Contains(f.Detail, "acme.test") {
			t.Error(f)
		}
		p.Release(t, d)
		p.SetSSO(t, u.ID, access.SSOEnabled, profile.ID)
		if f := parts.Refused(t, remove(), fault.SSOProfileInUse); !strings.Contains(f.Detail, u.Email) {
			t.Error(f)
		}
		p.SetSSO(t, u.ID, access.SSOInherit, "")
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		acme.Recorded(t, audit.ProfileDeleted)
		parts.Refused(t, remove(), fault.NotFound)
		if n := p.Count(t, "select count(*) from sso_certificates"); n != 0 {
			t.Errorf("%d certificates are left", n)
		}
	})
}

func TestWhatTheOperatorManagesTheOrganizationOnlyReads(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		owner := acme.Actor(access.RoleOwner)
		profile := acme.Profile(t)
		update := func(actor access.Actor, in sso.Input) error {
			_, err := p.SSO.Update(t.Context(), actor, profile.ID, in)
			return err
		}
		parts.Refused(t, update(owner, sso.Input{ManagedBy: ptr("operator")}), fault.Forbidden)
		parts.Refused(t, update(owner, sso.Input{ManagedBy: ptr("organization")}), fault.Forbidden)
		_, err := p.SSO.Create(t.Context(), owner, acme.ID, sso.Input{Name: ptr("Mine"), ManagedBy: ptr("operator")})
		parts.Refused(t, err, fault.Forbidden)
		if err := update(operator, sso.Input{ManagedBy: ptr("operator")}); err != nil {
			t.Fatal(err)
		}
		for _, actor := range []access.Actor{owner, acme.Token(access.ScopeAdmin), acme.Token(access.ScopeSSO)} {
			parts.Refused(t, update(actor, sso.Input{Name: ptr("Mine")}), fault.Forbidden)
			parts.Refused(t, p.SSO.Delete(t.Context(), actor, profile.ID), fault.Forbidden)
			if _, err := p.SSO.Profile(t.Context(), actor, profile.ID); err != nil {
				t.Error(err)
			}
		}
		if err := update(operator, sso.Input{ManagedBy: ptr("organization")}); err != nil { // the hand-over
			t.Fatal(err)
		}
		if err := update(owner, sso.Input{Name: ptr("Mine")}); err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutTheEditionAProfileIsReadOnly(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		profile, off := acme.Profile(t), acme.Profile(t)
		off.Set(t, sso.Input{State: ptr(sso.Disabled)})
		acme.Edition(t, directory.Standard)
		for name, in := range map[string]sso.Input{
			"the name": {Name: ptr("Other")}, "an option": {Options: &sso.OptionsInput{AllowSHA1: ptr(true)}}, "off": {State: ptr(sso.Disabled)},
			"other certificates": {Certificates: []string{parts.PEM(samltest.RSA2048Other)}}, "the URL": {SSOURL: ptr("https://idp.example/other")},
		} {
			if _, err := p.SSO.Update(t.Context(), operator, profile.ID, in); parts.Code(err) != fault.EditionRequired {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := p.SSO.Update(t.Context(), operator, off.ID, sso.Input{State: ptr(sso.Configured)})
		parts.Refused(t, err, fault.EditionRequired)
		parts.Refused(t, p.SSO.Delete(t.Context(), operator, off.ID), fault.EditionRequired)
		_, err = p.SSO.Vouch(t.Context(), operator, profile.ID)
		parts.Refused(t, err, fault.EditionRequired)
		_, err = create(t, acme, sso.Input{Name: ptr("New")})
		parts.Refused(t, err, fault.EditionRequired)
		// What keeps it alive: one more certificate.
		v := profile.Set(t, sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048), parts.PEM(samltest.RSA2048Other)}})
		if len(v.Certificates) != 2 {
			t.Errorf("%v", v.Certificates)
		}
	})
}

func TestACertificateKeepsTheDayOnWhichItWasAdded(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		profile := p.Organization(t, "Acme").Configured(t)
		first := p.Now()
		p.Pass(24 * time.Hour)
		v := profile.Set(t, sso.Input{Certificates: []string{parts.PEM(samltest.EC256), parts.PEM(samltest.RSA2048)}})
		for _, c := range v.Certificates {
			want := p.Now()
			if c.Equal(samltest.NamedKey(samltest.RSA2048).Certificate) {
				want = first
			}
			if !c.AddedAt.Equal(want) {
				t.Errorf("%s was added %v, not %v", c.SHA256, c.AddedAt, want)
			}
		}
	})
}

func TestWarningsOfAProfile(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		profile := acme.Profile(t)
		profile.Enforce(t, d)
		v := profile.Set(t, sso.Input{SSOURL: ptr("http://idp.example/sso"), Certificates: []string{parts.PEM(samltest.RSA2048Expired)},
			Options: &sso.OptionsInput{AllowSHA1: ptr(true)}})
		var codes []string
		for _, w := range v.Warnings {
			codes = append(codes, w.Code)
		}
		want := "[certificate_expired endpoint_not_https sha1_allowed enforced_not_tested]"
		if got := fmt.Sprint(codes); got != want || v.State != sso.Enforced {
			t.Errorf("%s %s", got, v.State)
		}
		profile.Test(t)
		if v, _ := p.SSO.Profile(t.Context(), operator, profile.ID); len(v.Warnings) != 3 {
			t.Errorf("%v", v.Warnings)
		}
	})
}

func TestTestingOnTheOperatorsWord(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		profile := acme.Configured(t)
		for _, actor := range []access.Actor{acme.Actor(access.RoleOwner), acme.Token(access.ScopeAdmin), acme.Token(access.ScopeSSO)} {
			_, err := p.SSO.Vouch(t.Context(), actor, profile.ID)
			parts.Refused(t, err, fault.Forbidden)
		}
		test, err := p.SSO.Vouch(t.Context(), operator, profile.ID)
		if err != nil || test.Status != "passed" || !id.ConnectionTest.Valid(test.ID) {
			t.Errorf("%+v, %v", test, err)
		}
		if e := acme.Recorded(t, audit.ProfileTested); e.Changes[0].New != "operator" {
			t.Errorf("%+v", e)
		}
		draft, err := create(t, acme, sso.Input{Name: ptr("Draft")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.SSO.Vouch(t.Context(), operator, draft.ID)
		parts.Refused(t, err, fault.Conflict)
		_, err = p.SSO.Vouch(t.Context(), operator, "sso_none")
		parts.Refused(t, err, fault.NotFound)
	})
}

func TestProfilesOfAnotherOrganizationAreHidden(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		profile, owner := acme.Profile(t), globex.Actor(access.RoleOwner)
		_, err := p.SSO.Profile(t.Context(), owner, profile.ID)
		parts.Refused(t, err, fault.NotFound)
		_, err = p.SSO.Update(t.Context(), owner, profile.ID, sso.Input{Name: ptr("Mine")})
		parts.Refused(t, err, fault.NotFound)
		parts.Refused(t, p.SSO.Delete(t.Context(), owner, profile.ID), fault.NotFound)
		_, err = p.SSO.Profiles(t.Context(), owner, acme.ID, directory.Page{Limit: 1})
		parts.Refused(t, err, fault.NotFound)
		_, err = p.SSO.Create(t.Context(), owner, acme.ID, sso.Input{Name: ptr("Mine")})
		parts.Refused(t, err, fault.NotFound)
		_, err = p.SSO.Create(t.Context(), operator, "org_none", sso.Input{Name: ptr("Mine")})
		parts.Refused(t, err, fault.NotFound)
		if owner, known, err := p.SSO.OrganizationOf(t.Context(), profile.ID); owner != acme.ID || !known || err != nil {
			t.Errorf("%q, %v, %v", owner, known, err)
		}
		if owner, known, err := p.SSO.OrganizationOf(t.Context(), p.IDs.New(id.SSOProfile)); owner != "" || known || err != nil {
			t.Errorf("%q, %v, %v", owner, known, err)
		}
	})
}

func TestAnOrganizationHasAHundredProfilesAtMost(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	for range 100 {
		if _, err := create(t, acme, sso.Input{Name: ptr("Draft")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := create(t, acme, sso.Input{Name: ptr("Draft")})
	parts.Refused(t, err, fault.Conflict)
}

func TestWhenTheLastCertificateOfEachProfileExpires(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		one, two := acme.Configured(t), acme.Configured(t)
		two.Set(t, sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048Expired)}})
		one.Set(t, sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048Expired), parts.PEM(samltest.RSA2048)}})
		got, err := p.SSO.CertificateExpiries(t.Context())
		if err != nil || len(got) != 2 || got[one.ID] != samltest.NamedKey(samltest.RSA2048).Certificate.NotAfter ||
			got[two.ID] != samltest.NamedKey(samltest.RSA2048Expired).Certificate.NotAfter {
			t.Errorf("%v, %v", got, err)
		}
	})
}
