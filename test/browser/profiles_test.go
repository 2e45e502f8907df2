package browser

import (
	"encoding/json"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// give puts a file into a field of the page, as a person would by its button.
func (b *tab) give(field, name, content string) {
	script := `(() => {
		const list = new DataTransfer();
		list.items.add(new File([` + quoted(content) + `], ` + quoted(name) + `));
		document.getElementById(` + quoted(field) + `).files = list.files;
	})()`
	b.Eval(script, nil)
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(raw)
}

// theirs is an Identity Provider as its administrator sees it.
func theirs() *samltest.IdP {
	idp := samltest.NewIdP()
	idp.EntityID, idp.SSOURL = "https://idp.sallyport.test/entity", "https://idp.sallyport.test/sso"
	return idp
}

// draftOf goes from no profile to the step in which metadata is exchanged.
func (o *office) draftOf(t *testing.T, s *stage, idp, product, step string, options ...testenv.BrowserOption) *tab {
	t.Helper()
	b := o.enter(t, s, "", options...)
	b.Click("Single sign-on")
	b.WaitText("There is no SSO profile yet.")
	b.Click("New SSO profile")
	b.Click("input[value=" + idp + "]")
	b.Click("Next step")
	b.WaitText("The draft " + product + " was created. Nothing has changed for anybody.")
	b.WaitText("1. Tell ")
	b.WaitText("/saml/sso_")
	if step != "" {
		b.Click(step)
	}
	return b
}

// saved sees what was read, saves it, and sees where the profile stands then.
func (b *tab) saved(t *testing.T, o *office) {
	t.Helper()
	b.WaitText("This is what was read")
	b.WaitText("https://idp.sallyport.test/entity")
	b.WaitText("https://idp.sallyport.test/sso")
	b.WaitText("SHA-256")
	if state := o.state(t); state != "draft" {
		t.Errorf("the profile is %s before it is saved", state)
	}
	b.Click("Save")
	b.WaitText("was saved.")
	b.WaitText("Both sides know each other.")
	if state := o.state(t); state != "configured" {
		t.Errorf("the profile is %s", state)
	}
}

// state is that of the only profile.
func (o *office) state(t *testing.T) string {
	t.Helper()
	list, _ := o.OK(t, "GET", "/organizations/"+o.ID+"/sso-profiles", nil)["items"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d profiles", len(list))
	}
	state, _ := list[0].(harness.Object)["state"].(string)
	return state
}

// configureByUpload meets what goes wrong most often first.
func configureByUpload(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.draftOf(t, s, "okta", "Okta", "")
	b.give("metadata_xml", "login.html", "<!DOCTYPE html><title>Sign in</title>")
	b.Click("Read and show")
	b.answered(t, 422, "metadata_invalid")
	b.WaitText("this is a web page (HTML), not metadata")
	document := string(theirs().Metadata())
	b.give("metadata_xml", "metadata.xml", strings.Replace(document, `Location="https:`, `Location="javascript:`, 1))
	b.Click("Read and show")
	b.answered(t, 422, "metadata_invalid")
	b.WaitText("line 12: the Location of")
	b.WaitText("has the scheme javascript; https is expected")
	b.WaitText("The place in the document")
	b.give("metadata_xml", "metadata.xml", document)
	b.Click("Read and show")
	b.saved(t, o)
}

func configureByPaste(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.draftOf(t, s, "entra", "Microsoft Entra ID", "Paste", testenv.NoScript())
	b.WaitText("The text of the metadata, all of it")
	b.Fill("#metadata_xml", string(theirs().Metadata()))
	b.Click("Read and show")
	b.saved(t, o)
}

func configureByHand(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.draftOf(t, s, "other", "Other SAML 2.0", "By hand")
	b.WaitText("For an Identity Provider without metadata")
	b.Click("Read and show")
	b.answered(t, 422, "invalid")
	b.WaitText("Enter the whole address, beginning with https://.")
	b.Fill("#entity_id", "https://idp.sallyport.test/entity")
	b.Fill("#sso_url", "https://idp.sallyport.test/sso")
	b.Fill("#certificates", parts.PEM(samltest.RSA2048))
	b.give("certificate_files", "next.pem", parts.PEM(samltest.RSA2048Other))
	b.Click("Read and show")
	b.WaitText("rsa2048-other")
	b.saved(t, o)

	// Done steps stay open.
	b.Click(".stepper li:nth-child(3) a")
	b.WaitText("What is saved now")
	b.Click(".up a")
	b.Click("Options")
	b.Click("#" + `options\.sign_requests`)
	b.Click("Save")
	b.WaitText("Other SAML 2.0 was saved.")
	b.WaitText("Sign requests")
}

// profileCases are the pages of SSO profiles, for looking at.
func profileCases() []pageCase {
	at := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			o := s.fullOffice(t)
			return o.enter(t, s, "/sso/"+o.profile+path)
		}
	}
	return []pageCase{
		{"sso-list", "body", func(t *testing.T, s *stage) *tab { return s.fullOffice(t).enter(t, s, "/sso") }},
		{"sso-empty", "body", func(t *testing.T, s *stage) *tab { return s.office(t).enter(t, s, "/sso") }},
		{"sso-edition", "body", func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			o.OK(t, "PATCH", "/organizations/"+o.ID, harness.Object{"edition": "standard"})
			return o.enter(t, s, "/sso")
		}},
		{"sso-new", "body", func(t *testing.T, s *stage) *tab { return s.office(t).enter(t, s, "/sso/new") }},
		{"sso-profile", "body", at("")},
		{"sso-domain", "body", at("/domain")},
		{"sso-product", "body", at("/product")},
		{"sso-idp", "body", at("/idp")},
		{"sso-idp-paste", "body", at("/idp?by=paste")},
		{"sso-idp-hand", "body", at("/idp?by=hand")},
		{"sso-options", "body", at("/options")},
		{"sso-name", "#name", at("/name")},
		{"sso-keys", "body", at("/keys")},
		{"sso-keys-rotate", "body", at("/keys/rotate")},
		{"sso-history", "body", at("/history")},
		{"sso-disable", "[data-cancel]", at("/disable")},
		{"sso-remove", "[data-cancel]", at("/remove")},
		{"sso-wrong", "body", func(t *testing.T, s *stage) *tab {
			b := s.fullOffice(t).enter(t, s, "/sso/"+s.fullOffice(t).profile+"/idp?by=paste")
			b.Fill("#metadata_xml", strings.Replace(string(theirs().Metadata()), "https://idp.sallyport.test/sso", "/sso", 1))
			b.Click("Read and show")
			b.answered(t, 422, "metadata_invalid")
			return b
		}},
		{"sso-read", "body", func(t *testing.T, s *stage) *tab {
			b := s.fullOffice(t).enter(t, s, "/sso/"+s.fullOffice(t).profile+"/idp?by=paste")
			idp := theirs()
			idp.Key = samltest.NamedKey(samltest.RSA2048Expired)
			b.Fill("#metadata_xml", string(idp.Metadata()))
			b.Click("Read and show")
			b.WaitText("This is what was read")
			return b
		}},
	}
}
