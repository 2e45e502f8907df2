package metadata_test

import (
	"fmt"
	"strings"

	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

func ExampleParse() {
	entities, err := metadata.Parse(samltest.NewIdP().Metadata())
	if err != nil {
		fmt.Println(err)
		return
	}
	idp := entities[0].IdP
	fmt.Println(idp.EntityID, len(idp.Certificates), idp.SSO[0].Location)

	_, err = metadata.Parse([]byte("<html><title>Sign in</title>"))
	fmt.Println(err)
	// Output:
	// https://idp.example/metadata 1 https://idp.example/sso
	// this is a web page (HTML), not metadata: the address may lead to a sign-in page
}

// A federation's aggregate is read entity by entity, in bounded memory.
func ExampleEach() {
	one := strings.TrimPrefix(string(samltest.NewIdP().Metadata()), `<?xml version="1.0" encoding="UTF-8"?>`)
	aggregate := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + one + `</md:EntitiesDescriptor>`
	err := metadata.Each(strings.NewReader(aggregate), metadata.Options{}, func(e metadata.Entity) error {
		fmt.Println(e.ID, e.IdP != nil)
		return nil
	})
	fmt.Println(err)
	// Output:
	// https://idp.example/metadata true
	// <nil>
}

func ExampleServiceProvider() {
	text := metadata.ServiceProvider{EntityID: "https://app.example/saml/acme/metadata", ACSURL: "https://app.example/saml/acme/acs"}.XML()
	fmt.Println(strings.Contains(string(text), `AssertionConsumerService`))
	// Output: true
}
