package main

import (
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/crewjam/saml"
)

// company is what the reader of the tutorial has at hand of their own company:
// the administration of its Identity Provider, and the DNS of its domain.
type company struct {
	idp   *idp
	names *names

	mu           sync.Mutex
	applications []string // their entity IDs
}

func (c *company) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { c.show(w, http.StatusOK, "") })
	mux.HandleFunc("POST /records", c.addRecord)
	mux.HandleFunc("POST /applications", c.addApplication)
	mux.HandleFunc("GET /metadata.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		w.Header().Set("Content-Disposition", `attachment; filename="identity-provider.xml"`)
		io.WriteString(w, c.idp.metadata())
	})
}

type companyView struct {
	Domain, Password, Said        string
	Wrong                         bool
	MetadataURL, EntityID, SSOURL string
	Certificate                   string
	Users, Applications           []string
	Records                       []record
}

func (c *company) show(w http.ResponseWriter, status int, said string) {
	at := &c.idp.server.IDP
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	companyPage.Execute(w, companyView{
		Domain: companyDomain, Password: demoPassword, Said: said, Wrong: status >= 400,
		MetadataURL: c.idp.base + "/metadata", EntityID: at.MetadataURL.String(), SSOURL: at.SSOURL.String(),
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: at.Certificate.Raw})),
		Users:       []string{ownerEmail, userEmail}, Applications: c.applications, Records: c.names.list(),
	})
}

func (c *company) addRecord(w http.ResponseWriter, r *http.Request) {
	name, value := canonical(r.PostFormValue("name")), strings.TrimSpace(r.PostFormValue("value"))
	if name != companyDomain && !strings.HasSuffix(name, "."+companyDomain) || value == "" {
		c.show(w, http.StatusUnprocessableEntity, "A record needs a name that ends in "+companyDomain+", and a value.")
		return
	}
	c.names.add(name, value)
	c.show(w, http.StatusOK, "The record was added.")
}

// addApplication takes an application's metadata by URL or as a file, or its two
// values.
func (c *company) addApplication(w http.ResponseWriter, r *http.Request) {
	document, err := application(r)
	if err == nil {
		err = c.take(document)
	}
	if err != nil {
		c.show(w, http.StatusUnprocessableEntity, "The application was not added: "+err.Error()+".")
		return
	}
	c.show(w, http.StatusOK, "The application was added. Everybody below may use it.")
}

func (c *company) take(document []byte) error {
	var sp saml.EntityDescriptor
	if err := xml.Unmarshal(document, &sp); err != nil || len(sp.SPSSODescriptors) == 0 {
		return errors.New("this is not the metadata of an application")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applications = append(c.applications, sp.EntityID)
	return c.idp.register(fmt.Sprint("application", len(c.applications)), sp.EntityID, document)
}

// application is the metadata of the application that a form names.
func application(r *http.Request) ([]byte, error) {
	if file, head, err := r.FormFile("file"); err == nil && head.Size > 0 {
		defer file.Close()
		return io.ReadAll(io.LimitReader(file, 1<<20))
	}
	if address := strings.TrimSpace(r.PostFormValue("metadata_url")); address != "" {
		return fetch(r.Context(), address)
	}
	entityID, acs := strings.TrimSpace(r.PostFormValue("entity_id")), strings.TrimSpace(r.PostFormValue("acs_url"))
	if u, err := url.Parse(acs); entityID == "" || err != nil || u.Host == "" {
		return nil, errors.New("it needs a metadata URL, a metadata file, or both entity ID and ACS URL")
	}
	return xml.Marshal(saml.EntityDescriptor{EntityID: entityID, SPSSODescriptors: []saml.SPSSODescriptor{{
		SSODescriptor:             saml.SSODescriptor{RoleDescriptor: saml.RoleDescriptor{ProtocolSupportEnumeration: "urn:oasis:names:tc:SAML:2.0:protocol"}},
		AssertionConsumerServices: []saml.IndexedEndpoint{{Binding: saml.HTTPPostBinding, Location: acs, Index: 1}},
	}}})
}

var companyPage = template.Must(template.New("company").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acme: Identity Provider and DNS</title>
<style>` + demoStyle("36rem") + `</style></head>
<body><h1>Acme: Identity Provider and DNS</h1>
<p>This page stands for what a company has of its own: the administration of its Identity Provider, and the DNS of its domain {{.Domain}}.</p>
{{with .Said}}<p role="{{if $.Wrong}}alert{{else}}status{{end}}"><strong>{{.}}</strong></p>{{end}}
<h2>DNS of {{.Domain}}</h2>
{{if .Records}}<ul>{{range .Records}}<li><code>{{.Name}}</code> TXT <code>{{.Value}}</code></li>{{end}}</ul>{{else}}<p>No records yet.</p>{{end}}
<form method="post" action="/records">
<label for="name">Record name</label><input id="name" name="name" autocomplete="off" spellcheck="false">
<label for="value">TXT value</label><input id="value" name="value" autocomplete="off" spellcheck="false">
<button>Add record</button></form>
<h2>Identity Provider: its values</h2>
<label for="their-metadata">Metadata URL of the Identity Provider</label><input id="their-metadata" readonly value="{{.MetadataURL}}">
<p><a href="/metadata.xml">Download metadata file</a></p>
<label for="their-entity">Issuer (entity ID)</label><input id="their-entity" readonly value="{{.EntityID}}">
<label for="their-sso">Login URL</label><input id="their-sso" readonly value="{{.SSOURL}}">
<label for="their-certificate">Signing certificate</label><textarea id="their-certificate" readonly rows="4">{{.Certificate}}</textarea>
<h2>Identity Provider: add an application</h2>
<p>Fill in one of the three: a metadata URL, a metadata file, or the two values. The e-mail address is always sent as NameID.</p>
{{if .Applications}}<ul>{{range .Applications}}<li><code>{{.}}</code></li>{{end}}</ul>{{end}}
<form method="post" action="/applications" enctype="multipart/form-data">
<label for="metadata_url">Metadata URL of the application</label><input id="metadata_url" name="metadata_url" autocomplete="off" spellcheck="false">
<label for="file">Metadata file of the application</label><input id="file" name="file" type="file">
<label for="entity_id">Audience (entity ID of the application)</label><input id="entity_id" name="entity_id" autocomplete="off" spellcheck="false">
<label for="acs_url">ACS URL (where answers are posted)</label><input id="acs_url" name="acs_url" autocomplete="off" spellcheck="false">
<button>Add application</button></form>
<h2>Identity Provider: people</h2>
<p>The password of each is <code>{{.Password}}</code></p>
<ul>{{range .Users}}<li><code>{{.}}</code></li>{{end}}</ul>
</body></html>
`))
