package testenv

import (
	"net/http"
	"strings"
	"testing"
)

// testSPMetadata is a service provider's document without keys.
const testSPMetadata = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + testSP + `"><md:SPSSODescriptor` +
	` protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService index="0" isDefault="true"` +
	` Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + testACS + `"/></md:SPSSODescriptor></md:EntityDescriptor>`

func TestLemonLDAP(t *testing.T) {
	t.Parallel()
	idp := LemonLDAP(t)
	if got := metadataEntityID(t, idp.Metadata(t)); got != idp.EntityID {
		t.Errorf("entity ID = %s", got)
	}
	client := idp.Client(t)
	for sign, response := range map[int]bool{0: false, 1: true} {
		// The entity's entry changes from one case to the next.
		idp.AddServiceProvider(t, LemonLDAPSP{
			Metadata: []byte(testSPMetadata), NameID: "$uid . '@acme.test'", Options: map[string]any{"SignSSOMessage": sign},
		})
		action, form := idp.Login(t, client, idp.IdPInitiatedURL(testSP, ""), "dwho", "dwho")
		root := samlResponse(t, form)
		if action != testACS || root.FindElement("./Assertion/Subject/NameID").Text() != "dwho@acme.test" {
			t.Errorf("%s to %s", root.FindElement("./Assertion/Subject/NameID").Text(), action)
		}
		if (root.FindElement("./Signature") != nil) != response || root.FindElement("./Assertion/Signature") == nil {
			t.Errorf("SignSSOMessage=%d: not signed as it should be", sign)
		}
	}
	// The session holds: no password is asked for, until it is ended.
	idp.Login(t, client, idp.IdPInitiatedURL(testSP, ""), "nobody", "")
	if status, _ := idpGet(t, client, idp.LogoutURL); status != http.StatusOK {
		t.Errorf("%s answered %d", idp.LogoutURL, status)
	}
	if _, page := idpGet(t, client, idp.IdPInitiatedURL(testSP, "")); !strings.Contains(string(page), `name="password"`) {
		t.Errorf("signed out, it asks for no password:\n%s", page)
	}
}
