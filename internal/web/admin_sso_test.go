package web

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

// A file is one that a browser sends with a form.
type file struct{ field, name, content string }

// sendFiles posts a form with files.
func (b *browser) sendFiles(path string, files []file, pairs ...string) page {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := w.CreateFormFile(f.field, f.name)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := part.Write([]byte(f.content)); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

// readable is a page's text as people read it.
func (p page) readable() string { return html.UnescapeString(p.text()) }

// draft makes a profile on the page and returns the way to it.
func (o *office) draft(t *testing.T, b *browser, idp string) (path string) {
	t.Helper()
	to := b.post(o.home()+"/sso/new", "idp", idp).redirected(o.home() + "/sso/sso_")
	path, ok := strings.CutSuffix(to, "/idp")
	if !ok {
		t.Fatalf("a new profile leads to %s", to)
	}
	return path
}

// TestDocumentsThroughThePage: every bad document is named in words, at its line,
// and every good one is shown before it is saved.
func TestDocumentsThroughThePage(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	path := acme.draft(t, b, "adfs")
	mark := parts.Document{Name: "UTF-16 with a mark", Text: "\xFF\xFE<\x00m\x00", Says: "UTF-16"}
	for _, d := range append(parts.Documents(), mark) {
		for _, by := range []string{"upload", "paste"} {
			var p page
			if by == "upload" {
				p = b.sendFiles(path+"/idp?by=upload", []file{{"metadata_xml", "metadata.xml", d.Text}})
			} else {
				p = b.sendFiles(path+"/idp?by=paste", nil, "metadata_xml", d.Text)
			}
			if d.Says == "" {
				shown := b.get(p.redirected(path + "/idp/rdg_"))
				if text := shown.readable(); d.Several == 0 && (!strings.Contains(text, "https://idp.example/metadata") || !strings.Contains(text, "SHA-256")) ||
					d.Several > 0 && !strings.Contains(text, "?entity_id=https%3A%2F%2Fidp.example%2Fsecond") || len(shown.text()) > 60<<10 {
					t.Errorf("%s, %s: %s", d.Name, by, text)
				}
				if warned := strings.Contains(shown.text(), "notice warn"); warned != (d.Warns != "") {
					t.Errorf("%s, %s: warned is %t", d.Name, by, warned)
				}
				continue
			}
			text := p.readable()
			if p.Code != 422 || p.Header().Get("Sallyport-Error") != "metadata_invalid" || !strings.Contains(text, d.Says) || len(p.text()) > 60<<10 {
				t.Errorf("%s, %s: %d, %d octets, %s", d.Name, by, p.Code, len(p.text()), text)
			}
			if line := fmt.Sprintf("line %d: ", d.Line); strings.Contains(text, line) != (d.Line > 0) {
				t.Errorf("%s, %s: the line is not %d", d.Name, by, d.Line)
			}
			if d.Line > 0 && !strings.Contains(text, fmt.Sprintf("<b>%d</b>", d.Line)) {
				t.Errorf("%s, %s: the place is not shown", d.Name, by)
			}
		}
	}
	if p := b.sendFiles(path+"/idp?by=upload", []file{{"metadata_xml", "x", strings.Repeat("x", 3*metadata.MaxSize)}}); p.Code != 413 {
		t.Errorf("15 MiB: %d", p.Code)
	}
	if p := b.sendFiles(path+"/idp?by=upload", nil); p.Code != 422 || !strings.Contains(p.readable(), "the document is empty") {
		t.Errorf("no file: %d", p.Code)
	}
	if n := s.Count(t, "select count(*) from sso_profiles where idp_entity_id <> ''"); n != 0 {
		t.Errorf("%d profiles were saved", n)
	}
}

// TestFromNoProfileToConfigured goes each way once.
func TestFromNoProfileToConfigured(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.admin)
	if p := b.get(acme.home() + "/sso").readable(); !strings.Contains(p, "There is no SSO profile yet.") {
		t.Error(p)
	}
	document := string(samltest.NewIdP().Metadata())
	for by, send := range map[string]func(path string) page{
		"upload": func(path string) page { return b.sendFiles(path, []file{{"metadata_xml", "m.xml", document}}) },
		"paste":  func(path string) page { return b.sendFiles(path, nil, "metadata_xml", document) },
		"hand": func(path string) page {
			return b.sendFiles(path, []file{{"certificate_files", "next.der", string(samltest.NamedKey(samltest.RSA2048Other).Certificate.Raw)}},
				"entity_id", "https://idp.example/metadata", "sso_url", "https://idp.example/sso", "slo_url", "", "certificates", parts.PEM(samltest.RSA2048))
		},
	} {
		path := acme.draft(t, b, "okta")
		profileID := path[strings.LastIndex(path, "/")+1:]
		step := b.get(path + "/idp?by=" + by).readable()
		for _, want := range []string{"Okta", parts.BaseURL + "/saml/" + profileID + "/acs", "data-copy=", "download="} {
			if !strings.Contains(step, want) {
				t.Errorf("%s: no %s", by, want)
			}
		}
		reading := send(path + "/idp?by=" + by).redirected(path + "/idp/rdg_")
		shown := b.get(reading).readable()
		for _, want := range []string{"https://idp.example/sso", "CN=rsa2048.idp.example", "Valid until 2099-", "Nothing is saved yet."} {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: no %s: %s", by, want, shown)
			}
		}
		if v, err := s.SSO.Profile(t.Context(), parts.Operator(), profileID); err != nil || v.State != sso.Draft {
			t.Errorf("%s: %s before it is saved, %v", by, v.State, err)
		}
		b.post(reading, "entity_id", "https://idp.example/metadata").redirected(path)
		v, err := s.SSO.Profile(t.Context(), parts.Operator(), profileID)
		if err != nil || v.State != sso.Configured || v.Name != "Okta" || v.EntityID != "https://idp.example/metadata" {
			t.Errorf("%s: %+v, %v", by, v, err)
		}
		if by == "hand" && len(v.Certificates) != 2 {
			t.Errorf("%d certificates", len(v.Certificates))
		}
		if page := b.get(path).readable(); !strings.Contains(page, "Configured") || !strings.Contains(page, "Test connection") {
			t.Error(page)
		}
	}
}

// TestWhatIsEnteredByHandIsChecked fills each field with what can't be.
func TestWhatIsEnteredByHandIsChecked(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	path := acme.draft(t, b, "other") + "/idp?by=hand"
	good := map[string]string{"entity_id": "https://idp.example/metadata", "sso_url": "https://idp.example/sso", "slo_url": "https://idp.example/slo", "certificates": parts.PEM(samltest.RSA2048)}
	for field, values := range map[string][]string{
		"entity_id":    {"", strings.Repeat("x", 1025)},
		"sso_url":      {"", "idp.example", "/sso", "javascript:alert(1)", "ftp://idp.example/", "https://", "https://a:b@idp.example/", "https://x/" + strings.Repeat("y", 2048)},
		"slo_url":      {"slo", "data:text/html,x"},
		"certificates": {"", "nothing", parts.PEM(samltest.RSA1024), parts.PEM(samltest.RSA2048)[:300], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", hostile},
	} {
		for _, value := range values {
			var pairs []string
			for name, ok := range good {
				if name == field {
					ok = value
				}
				pairs = append(pairs, name, ok)
			}
			p := b.sendFiles(path, nil, pairs...)
			if text := p.text(); p.Code != 422 || !strings.Contains(text, `href="#`+field+`"`) || strings.Contains(text, "<script>alert") {
				t.Errorf("%s %.40q: %d", field, value, p.Code)
			}
		}
	}
}

func TestAChangeToAnEnforcedProfileIsAcknowledged(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	x := acme.Profile(t)
	x.Enforce(t, acme.domain)
	b := s.as(t, acme.owner)
	path := acme.home() + "/sso/" + x.ID
	form := []string{"options.idp_initiated", "restart", "options.name_id_policy", "emailAddress", "options.clock_tolerance_seconds", "60", "options.sign_requests", "1"}
	if p := b.post(path+"/options", form...); p.Code != 422 || !strings.Contains(p.text(), `href="#acknowledge"`) {
		t.Errorf("%d", p.Code)
	}
	b.post(path+"/options", append(form, "acknowledge", "1")...).redirected(path)
	if p := b.get(path).readable(); !strings.Contains(p, "Enforced, not tested since") {
		t.Error(p)
	}
	if p := b.get(acme.home() + "/sso").readable(); !strings.Contains(p, "Enforced, not tested since") || !strings.Contains(p, "acme.test") {
		t.Error(p)
	}

	idp := samltest.NewIdP()
	idp.Key = samltest.NamedKey(samltest.RSA2048Other)
	reading := b.sendFiles(path+"/idp?by=upload", []file{{"metadata_xml", "m.xml", string(idp.Metadata())}}).redirected(path + "/idp/")
	if p := b.get(reading).readable(); !strings.Contains(p, "Saved so far, and not among these") || !strings.Contains(p, ">New<") {
		t.Error(p)
	}
	b.post(reading, "entity_id", idp.EntityID).refused(422, "invalid")
	b.post(reading, "entity_id", idp.EntityID, "acknowledge", "1").redirected(path)

	// What would lock people out is refused, with the reason.
	b.post(path+"/disable").refused(409, "sso_profile_in_use")
	b.post(path+"/remove").refused(409, "sso_profile_in_use")
	s.Release(t, acme.domain)
	b.post(path + "/disable").redirected(path)
	if p := b.get(path).readable(); !strings.Contains(p, ">Disabled<") {
		t.Error(p)
	}
	b.post(path + "/enable").redirected(path)
	b.post(path + "/remove").redirected(acme.home() + "/sso")
	b.get(path).refused(404, "not_found")
}

func TestWhatTheOperatorManagesIsReadOnThePage(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	x := acme.Profile(t)
	managedBy := func(who string) { x.Set(t, sso.Input{ManagedBy: &who}) }
	managedBy(sso.ManagedByOperator)
	b := s.as(t, acme.owner)
	path := acme.home() + "/sso/" + x.ID
	for _, of := range []string{"", "/idp", "/keys", "/history", "/domain"} {
		if p := b.get(path + of); p.Code != 200 || strings.Contains(p.text(), path+"/remove") || strings.Contains(p.text(), `type="file"`) {
			t.Errorf("%s: %d", of, p.Code)
		}
	}
	if p := b.get(path).readable(); !strings.Contains(p, "Managed by the operator") || !strings.Contains(p, "hand it over") {
		t.Error(p)
	}
	for _, of := range []string{"/options", "/name", "/product", "/disable", "/remove"} {
		b.get(path+of).refused(403, "forbidden")
		b.post(path+of, "name", "Taken", "idp", "okta").refused(403, "forbidden")
	}
	b.post(path+"/keys/rotate", "delay", "7d").refused(403, "forbidden")
	b.sendFiles(path+"/idp?by=upload", []file{{"metadata_xml", "m.xml", string(x.IdP.Metadata())}}).refused(403, "forbidden")
	managedBy(sso.ManagedByOrganization) // the hand-over
	b.post(path+"/name", "name", "Ours", "notes", "Ask <IT>.\r\nOr not.").redirected(path)
	if p := b.get(path).text(); !strings.Contains(p, "Ask &lt;IT&gt;.\nOr not.") {
		t.Error(p)
	}
}

func TestTheEditionOnTheSSOPages(t *testing.T) {
	s := secureSite(t)
	acme, globex := s.furnished(t, "Acme"), s.office(t, "Globex")
	acme.Edition(t, directory.Standard)
	globex.Edition(t, directory.Standard)
	s.web.cfg.SalesURL = "https://sales.example/sso"
	b := s.as(t, globex.owner)
	if p := b.get(globex.home() + "/sso").readable(); !strings.Contains(p, "What single sign-on brings") || !strings.Contains(p, `href="https://sales.example/sso"`) ||
		strings.Contains(p, "/sso/new") {
		t.Error(p)
	}
	b.get(globex.home()+"/sso/new").refused(403, "edition_required")
	b.post(globex.home()+"/sso/new", "idp", "okta").refused(403, "edition_required")

	b = s.as(t, acme.owner)
	path := acme.path("/sso/{profile}")
	for _, of := range []string{"", "/idp", "/keys", "/history", "/domain"} {
		if p := b.get(path + of); p.Code != 200 || strings.Contains(p.text(), path+"/name") {
			t.Errorf("%s: %d", of, p.Code)
		}
	}
	if p := b.get(path).readable(); !strings.Contains(p, "goes on signing in as before") || !strings.Contains(p, "https://sales.example/sso") {
		t.Error(p)
	}
	for _, of := range []string{"/options", "/name", "/product", "/disable", "/remove", "/idp/" + acme.reading.ID} {
		b.post(path+of, "name", "Taken").refused(403, "edition_required")
	}
	acme.Edition(t, directory.Administration)
	b.post(path+"/name", "name", "Back").redirected(path)
}

func TestKeysAreReplacedOnThePage(t *testing.T) {
	s := secureSite(t)
	acme := s.furnished(t, "Acme")
	b := s.as(t, acme.admin)
	path := acme.path("/sso/{profile}/keys")
	if p := b.get(path).readable(); strings.Count(p, "SHA-256 <code>") != 1 || !strings.Contains(p, ">In use<") || !strings.Contains(p, "BEGIN CERTIFICATE") {
		t.Error(p)
	}
	b.post(path+"/rotate", "delay", "99d").refused(422, "invalid")
	b.post(path+"/rotate", "delay", "7d").redirected(path)
	if p := b.get(path).readable(); strings.Count(p, "SHA-256 <code>") != 2 || !strings.Contains(p, ">Next<") || !strings.Contains(p, "A new key is on its way.") {
		t.Error(p)
	}
	b.post(path+"/rotate", "delay", "now").refused(409, "conflict")
	s.Pass(7*24*time.Hour + time.Second)
	b = s.as(t, acme.admin)
	if p := b.get(path).readable(); !strings.Contains(p, ">Previous<") {
		t.Error(p)
	}
	old := acme.Actor(access.RoleAdministrator)
	if old.Fresh = false; access.May(old, access.ActProfileKey, acme.ID) != access.NotFresh {
		t.Error("no fresh sign-in is asked for")
	}
}

// TestAnAggregateOfManyIsSearched: a federation's document.
func TestAnAggregateOfManyIsSearched(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	one := string(samltest.NewIdP().Metadata())
	one = one[strings.Index(one, "<md:EntityDescriptor"):]
	var doc strings.Builder
	doc.WriteString(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`)
	for i := range 120 {
		doc.WriteString(strings.Replace(one, "https://idp.example/metadata", fmt.Sprintf("https://idp%d.example/metadata", i), 1))
	}
	doc.WriteString(`</md:EntitiesDescriptor>`)
	path := acme.draft(t, b, "shibboleth")
	reading := b.sendFiles(path+"/idp?by=upload", []file{{"metadata_xml", "m.xml", doc.String()}}).redirected(path + "/idp/")
	if p := b.get(reading); strings.Count(p.text(), "?entity_id=") != 50 || !strings.Contains(p.readable(), "70 more") {
		t.Error(p.readable())
	}
	if p := b.get(reading + "?q=IDP117"); strings.Count(p.text(), "?entity_id=") != 1 {
		t.Error(p.readable())
	}
	b.post(reading, "entity_id", "https://idp117.example/metadata").redirected(path)
	if v, err := s.SSO.Profile(t.Context(), parts.Operator(), path[strings.LastIndex(path, "/")+1:]); err != nil || v.EntityID != "https://idp117.example/metadata" {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestByURL: the metadata URL is read before it is saved, and followed from then
// on.
func TestByURL(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	idp := samltest.NewIdP()
	address := s.Net.Publish(t, "a.idp.test", idp.Metadata())
	path := acme.draft(t, b, "keycloak")
	for value, says := range map[string]string{
		"": "Enter the whole address", "ftp://idp.example/": "Enter the whole address", "https://127.0.0.1/": "not one of the public Internet",
		s.Net.Publish(t, "b.idp.test", []byte("<!DOCTYPE html>")): "web page (HTML)", hostile: "Enter the whole address",
	} {
		if p := b.sendFiles(path+"/idp?by=url", nil, "metadata_url", value); p.Code != 422 || !strings.Contains(p.readable(), says) || strings.Contains(p.text(), "<script>alert") {
			t.Errorf("%.40q: %d %s", value, p.Code, p.readable())
		}
	}
	asked := s.Net.Asked()
	reading := b.sendFiles(path+"/idp?by=url", nil, "metadata_url", " "+address+" ").redirected(path + "/idp/")
	if p := b.get(reading).readable(); !strings.Contains(p, idp.EntityID) {
		t.Error(p)
	}
	b.post(reading, "entity_id", idp.EntityID).redirected(path)
	v, err := s.SSO.Profile(t.Context(), parts.Operator(), path[strings.LastIndex(path, "/")+1:])
	if err != nil || v.EntityID != idp.EntityID || v.MetadataURL != address || v.State != sso.Configured || s.Count(t, "select count(*) from sso_metadata") != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if n := s.Net.Asked() - asked; n != 1 {
		t.Errorf("fetched %d times: what is saved is what was shown", n)
	}
	s.Pass(time.Second)
	if err := s.SSO.RefreshMetadata(t.Context(), parts.Operator(), v.ID); err != nil {
		t.Error(err)
	}

	// Several: the chosen one is read again.
	document := ""
	for _, d := range parts.Documents() {
		if d.Several > 0 {
			document = d.Text
		}
	}
	address = s.Net.Publish(t, "c.idp.test", []byte(document))
	path = acme.draft(t, b, "shibboleth")
	several := b.sendFiles(path+"/idp?by=url", nil, "metadata_url", address).redirected(path + "/idp/")
	if p := b.get(several + "?entity_id=https%3A%2F%2Fidp.example%2Fsecond").readable(); !strings.Contains(p, `value="https://idp.example/second"`) {
		t.Error(p)
	}
	if p := b.post(several, "entity_id", "https://nobody.example").readable(); !strings.Contains(p, "2 Identity Providers") {
		t.Error(p)
	}
	s.Pass(time.Second)
	one := b.post(several, "entity_id", "https://idp.example/second").redirected(path + "/idp/")
	if one == several {
		t.Fatal("nothing was read again")
	}
	b.post(one, "entity_id", "https://idp.example/second").redirected(path)
	if v, err = s.SSO.Profile(t.Context(), parts.Operator(), path[strings.LastIndex(path, "/")+1:]); err != nil || v.EntityID != "https://idp.example/second" || v.MetadataURL != address {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestWhatIsWrongWithMetadataHasItsCode, and each code its words in every language:
// with the line, and with as many places for details as the library has at most.
func TestWhatIsWrongWithMetadataHasItsCode(t *testing.T) {
	c := texts(t)
	for _, d := range parts.Documents() {
		_, err := metadata.Parse([]byte(d.Text))
		var wrong *metadata.Error
		if errors.As(err, &wrong) != (d.Says != "") || err != nil && (wrong.Code != d.Code || wrong.Line != d.Line) {
			t.Errorf("%s: %v is not %s", d.Name, err, d.Code)
		}
	}
	for _, code := range metadata.Codes() {
		field := fault.Field{Reason: sso.MetadataReason + string(code), Line: 7, Details: []string{"first", "second"}}
		for lang, line := range map[string]string{"en": "line 7: ", "de": "Zeile 7: "} {
			text, ok := c.reason(lang, field)
			key, _ := c.find(lang, field.Reason)
			if !ok || !strings.HasPrefix(text, line) || strings.Contains(text, "%") || strings.Count(key, "%s") > strings.Count(code.Words(), "%s") {
				t.Errorf("%s, %s: %q", code, lang, text)
			}
			if lang == "en" && key != code.Words() {
				t.Errorf("%s: the page says %q, the API %q", code, key, code.Words())
			}
		}
	}
	for key := range c["en"] {
		if code, ok := strings.CutPrefix(key, sso.MetadataReason); ok && !slices.Contains(metadata.Codes(), metadata.Code(code)) {
			t.Errorf("nothing has the code %s", code)
		}
	}
	if text, _ := c.reason("de", fault.Field{Reason: sso.MetadataReason + "no_endpoint", Details: []string{"<b>"}}); !strings.Contains(text, "<b>") || strings.Contains(text, "Zeile") {
		t.Error(text)
	}
}

// TestWhatIsWrongIsTranslated on the pages, of administrators and of those who
// hold a setup link.
func TestWhatIsWrongIsTranslated(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	b.language = "de"
	path := acme.draft(t, b, "adfs")
	link, err := s.SSO.CreateSetupLink(t.Context(), parts.Operator(), path[strings.LastIndex(path, "/")+1:])
	if err != nil {
		t.Fatal(err)
	}
	setup, h := strings.TrimPrefix(link.URL, parts.BaseURL), s.browser(t)
	h.language = "de"
	h.post(setup).redirected(setup)
	h.post(setup+"/product", "idp", "adfs").redirected(setup + "/idp")
	c := texts(t)
	for _, d := range parts.Documents() {
		if d.Code == "" || d.Code == metadata.CodeTooLarge {
			continue
		}
		want, _ := c.find("de", sso.MetadataReason+string(d.Code))
		want, _, _ = strings.Cut(want, "%s")
		if d.Line > 0 {
			want = fmt.Sprintf("Zeile %d: %s", d.Line, want)
		}
		if text := b.sendFiles(path+"/idp?by=paste", nil, "metadata_xml", d.Text).readable(); !strings.Contains(text, want) {
			t.Errorf("%s: %q is not on the page: %s", d.Name, want, text)
		}
		if text := h.upload(setup+"/idp", "metadata_xml", "metadata.xml", d.Text).readable(); !strings.Contains(text, want) {
			t.Errorf("%s: %q is not on the holder's page: %s", d.Name, want, text)
		}
	}
}
