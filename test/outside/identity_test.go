package outside

import (
	"reflect"
	"strings"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// vouch has the Identity Provider vouch for an address, as the answer to a
// request from this browser.
func vouch(t *testing.T, b *harness.Browser, p *harness.Profile, nameID string) harness.Answer {
	t.Helper()
	return vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID.Value = nameID })
}

// vouchWith lets the test change the response first.
func vouchWith(t *testing.T, b *harness.Browser, p *harness.Profile, edit func(*samltest.Response)) harness.Answer {
	t.Helper()
	req := b.Get(t, "/saml/"+p.ID+"/start").Request(t)
	r := p.Response("nobody@"+p.Domain, req.ID)
	edit(r)
	return b.Deliver(t, p, r, req.RelayState)
}

func TestAnUnknownAddressIsRefusedAfterAValidAssertionAndNothingIsCreated(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		before := s.OK(t, "GET", "/organizations/"+p.Organization.ID+"/users", nil)
		unknown := p.Address("unknown")
		b := s.NewBrowser(t)
		a := vouchWith(t, b, p, func(r *samltest.Response) {
			r.Assertion.NameID.Value = unknown
			r.Assertion.Attributes = []samltest.Attribute{{Name: "role", Values: []string{"owner"}}, {Name: "mail", Values: []string{p.Address("user")}}}
		}).Refused(t, 403, "user_not_found")
		event := p.Recorded(t, a)
		if harness.At(event, "target", "name") != unknown {
			t.Errorf("the log names %v, not %s, though the domain is the organization's own", event["target"], unknown)
		}
		b.SignedIn(t, "", "")
		if after := s.OK(t, "GET", "/organizations/"+p.Organization.ID+"/users", nil); !reflect.DeepEqual(before, after) {
			t.Errorf("users before: %v\nafter: %v", before, after)
		}
		s.Refused(t, 404, "not_found", "GET", "/explain?email="+unknown, nil)
		if n := s.Count(t, "select count(*) from users where email_key = $1", unknown); n != 0 {
			t.Errorf("%d rows were made for the unknown address", n)
		}
	})
}

func TestWhatAnIdentityProviderSendsChangesNoNameRoleOrGroup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"name": "As it was"})
		account := harness.ID(s.OK(t, "POST", "/organizations/"+p.Organization.ID+"/accounts", harness.Object{"name": "Account"}))
		s.OK(t, "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"viewer"}})
		before, members := s.User(t, id), s.OK(t, "GET", "/accounts/"+account+"/members", nil)

		b := s.NewBrowser(t)
		a := vouchWith(t, b, p, func(r *samltest.Response) {
			r.Assertion.NameID.Value = user
			r.Assertion.Attributes = nil
			for _, name := range []string{"role", "roles", "groups", "memberOf", "displayName", "cn", "givenName", "email", "organization", "account", "urn:oid:2.5.4.3",
				"http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "sallyport_role", "organization_role"} {
				r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: name, Values: []string{"owner", "administrator"}})
			}
		})
		b.Get(t, a.Location).Redirected(t, "/")
		who := b.Identity(t)
		if who["organization_role"] != "member" || who["name"] != "As it was" || who["user_id"] != id {
			t.Errorf("the session is %v", who)
		}
		if after := s.User(t, id); !reflect.DeepEqual(before, after) {
			t.Errorf("the user was %v\nand is %v", before, after)
		}
		if after := s.OK(t, "GET", "/accounts/"+account+"/members", nil); !reflect.DeepEqual(members, after) {
			t.Errorf("the members were %v\nand are %v", members, after)
		}
	})
}

func TestAnAddressInAnotherSpellingSignsInTheSameUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		label := strings.TrimSuffix(org.Domain, ".test")
		idn := "bücher-" + label + ".test"
		ascii := s.OK(t, "GET", "/domains/"+org.AddDomain(t, idn), nil)["name"].(string)
		if !strings.HasPrefix(ascii, "xn--") {
			t.Fatalf("the domain %s is kept as %s", idn, ascii)
		}
		p := org.NewProfile(t, nil)
		s.OK(t, "PUT", "/organizations/"+org.ID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true, "domain_ids": domainIDs(t, org)})
		for stored, spellings := range map[string][]string{
			"User.Name+tag@" + org.Domain: {"user.name+tag@" + org.Domain, "USER.NAME+TAG@" + strings.ToUpper(org.Domain), " \t" + "user.name+TAG@" + org.Domain + "\n"},
			"grüße@" + org.Domain:         {"GRÜẞE@" + org.Domain, "gru\u0308ße@" + org.Domain, "GRU\u0308ẞE@" + strings.ToUpper(org.Domain)},
			"σοφός@" + org.Domain:         {"ΣΟΦΌΣ@" + org.Domain, "σοφόσ@" + org.Domain},
			"user@" + idn:                 {"user@" + ascii, "USER@" + strings.ToUpper(ascii), "User@BÜCHER-" + strings.ToUpper(label) + ".TEST"},
		} {
			id := org.AddUser(t, stored)
			for _, spelling := range spellings {
				b := s.NewBrowser(t)
				req := b.Depart(t, spelling, "") // known at the login page, too
				a := b.Deliver(t, p, p.Response(spelling, req.ID), req.RelayState)
				if a.Status != 303 {
					t.Fatalf("%q for %q: %d %s", spelling, stored, a.Status, a.Code)
				}
				b.Get(t, a.Location).Redirected(t, "/")
				if who := b.Identity(t); who["user_id"] != id || who["email"] != stored {
					t.Errorf("%q signs in %v, not %s", spelling, who, stored)
				}
			}
		}
	})
}

func domainIDs(t *testing.T, org *harness.Organization) (ids []string) {
	t.Helper()
	for _, d := range harness.Items(org.OK(t, "GET", "/organizations/"+org.ID+"/domains", nil)) {
		ids = append(ids, harness.ID(d))
	}
	return ids
}

func TestALookAlikeIsSomebodyElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		for _, name := range []string{"kiss", "strasse", "admin", "i"} {
			org.AddUser(t, org.Address(name))
		}
		for nameID, code := range map[string]string{
			"ki\u017fs@":    "user_not_found", // long s
			"\u212aiss@":    "",               // Kelvin sign: nobody's, whatever it is called
			"straße@":       "user_not_found",
			"\u0430dmin@":   "user_not_found", // Cyrillic
			"\u0131@":       "user_not_found", // dotless i
			"\u0130@":       "user_not_found", // dotted I
			"ad\u200bmin@":  "saml_nameid_not_email",
			"admin\u00ad@":  "saml_nameid_not_email",
			"ａdmin@":        "user_not_found", // full width
			"admin\ufe0f@":  "saml_nameid_not_email",
			"admin.@":       "saml_nameid_not_email",
			"\"admin\"@":    "saml_nameid_not_email",
			"admin(x)@":     "saml_nameid_not_email",
			"admin@x@":      "saml_nameid_not_email",
			"admin,kiss@":   "saml_nameid_not_email",
			"admin@\u200b.": "saml_nameid_not_email",
		} {
			b := s.NewBrowser(t)
			a := vouch(t, b, p, nameID+org.Domain)
			if a.Status != 403 || code != "" && a.Code != code {
				t.Errorf("%q: %d %s, not %s", nameID, a.Status, a.Code, code)
			}
			b.SignedIn(t, "", "")
		}
	})
}

func TestANameIDThatIsNoAddressIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		for _, c := range []struct{ value, format, code string }{
			{"6f1a8a3e-7c3b-4d5c-9a51-7c1f2c3d4e5f", samltest.FormatPersistent, "saml_nameid_not_email"},
			{"user_" + p.Domain + "#EXT#@tenant.onmicrosoft.com", samltest.FormatEmail, "saml_nameid_not_email"},
			{`CORP\user`, samltest.FormatUnspecified, "saml_nameid_not_email"},
			{"_a1b2c3d4e5f60718293a4b5c6d7e8f90", samltest.FormatTransient, "saml_nameid_not_email"},
			{"user", "", "saml_nameid_not_email"},
			{"User <" + user + ">", samltest.FormatEmail, "saml_nameid_not_email"},
			{user + " " + user, samltest.FormatEmail, "saml_nameid_not_email"},
			{user + ";other@" + p.Domain, samltest.FormatEmail, "saml_nameid_not_email"},
			{"CN=user,O=Company", "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName", "saml_nameid_not_email"},
			{"user@[127.0.0.1]", samltest.FormatEmail, "saml_nameid_not_email"},
			{strings.Repeat("a", 65) + "@" + p.Domain, samltest.FormatEmail, "saml_nameid_not_email"},
			{"a@" + strings.Repeat("b.", 130) + p.Domain, samltest.FormatEmail, "saml_nameid_not_email"},
			{"mailto:" + user, samltest.FormatEmail, "saml_nameid_not_email"},
			{" ", samltest.FormatEmail, "saml_nameid_missing"},
		} {
			b := s.NewBrowser(t)
			a := vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID = samltest.NameID{Value: c.value, Format: c.format} })
			p.Recorded(t, a.Refused(t, 403, c.code))
			b.SignedIn(t, "", "")
		}
		for name, edit := range map[string]func(*samltest.Response){
			"no NameID":  func(r *samltest.Response) { r.Assertion.NameID = samltest.NameID{} },
			"no Subject": func(r *samltest.Response) { r.Assertion.NoSubject = true },
		} {
			b := s.NewBrowser(t)
			if a := vouchWith(t, b, p, edit); a.Status != 403 {
				t.Errorf("%s: %d %s", name, a.Status, a.Code)
			}
			b.SignedIn(t, "", "")
		}
		// The value counts, whatever the format says.
		for _, format := range []string{samltest.FormatTransient, samltest.FormatPersistent, "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress", ""} {
			b := s.NewBrowser(t)
			a := vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID = samltest.NameID{Value: user, Format: format} })
			b.Get(t, a.Location).Redirected(t, "/")
			b.SignedIn(t, user, "sso")
		}
	})
}
