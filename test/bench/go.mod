module sallyport/test/bench

go 1.26.0

replace sallyport => ../..

require (
	github.com/beevik/etree v1.7.0
	github.com/crewjam/saml v0.5.1
	github.com/jonboulle/clockwork v0.5.0
	github.com/russellhaering/gosaml2 v0.12.0
	github.com/russellhaering/goxmldsig v1.6.1
	sallyport v0.0.0-00010101000000-000000000000
)

require (
	github.com/mattermost/xml-roundtrip-validator v0.1.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)
