package testenv

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// lemonLDAPIni says where the configuration is. It is looked for anew at every
// request (checkTime), in no cache, so that a new one counts at once.
const lemonLDAPIni = `[all]
logLevel = notice
checkTime = -1
[configuration]
type = File
dirName = %[1]s/conf
[portal]
staticPrefix = /static
templateDir = %[2]s
languages = en
`

// configure writes the configuration as its next version. A request under way
// keeps the one before.
func (idp *LemonLDAPIdP) configure(t testing.TB) {
	t.Helper()
	idp.written++
	config, err := json.MarshalIndent(idp.settings(t), "", "  ")
	if err != nil {
		t.Fatalf("configuration of LemonLDAP::NG: %v", err)
	}
	idp.write(t, "lemonldap-ng.ini", fmt.Appendf(nil, lemonLDAPIni, idp.dir, lemonLDAPTemplates))
	idp.write(t, fmt.Sprintf("conf/lmConf-%d.json", idp.written), config)
}

// write replaces a file at once.
func (idp *LemonLDAPIdP) write(t testing.TB, name string, content []byte) {
	t.Helper()
	path := filepath.Join(idp.dir, filepath.FromSlash(name))
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// settings is the configuration as LemonLDAP::NG's manager would write it.
func (idp *LemonLDAPIdP) settings(t testing.TB) map[string]any {
	t.Helper()
	base, err := url.Parse(idp.baseURL)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{
		"cfgNum": idp.written, "cfgDate": time.Now().Unix(), "cfgVersion": "2.16.1",
		"cfgAuthor": "tests", "key": "0123456789abcdef",
		"portal": idp.baseURL, "domain": base.Hostname(), "cookieName": "lemonldap",
		"authentication": "Demo", "userDB": "Same", "passwordDB": "Demo", "registerDB": "Null",
		"demoExportedVars":         map[string]string{"uid": "uid", "cn": "cn", "mail": "mail"},
		"globalStorage":            "Apache::Session::File",
		"globalStorageOptions":     idp.storage("sessions"),
		"persistentStorage":        "Apache::Session::File",
		"persistentStorageOptions": idp.storage("psessions"),
		"localSessionStorage":      "", "whatToTrace": "uid",
		"issuerDBSAMLActivation": 1,
		// Its own module for pictures wants ImageMagick, even where none are shown.
		"captcha":                             "::Plugins::PublicPages",
		"locationRules":                       map[string]any{base.Hostname(): map[string]string{"default": "accept"}},
		"exportedHeaders":                     map[string]any{},
		"samlServicePublicKeySig":             string(idp.CertificatePEM),
		"samlServicePrivateKeySig":            string(idp.KeyPEM),
		"samlServiceUseCertificateInResponse": 1,
	}
	xml, options, macros := map[string]any{}, map[string]any{}, map[string]any{}
	for entityID, sp := range idp.registered(t) {
		xml[entityID], options[entityID], macros[entityID] = sp.settings()
	}
	settings["samlSPMetaDataXML"] = xml
	settings["samlSPMetaDataOptions"] = options
	settings["samlSPMetaDataMacros"] = macros
	return settings
}

func (idp *LemonLDAPIdP) storage(name string) map[string]string {
	dir := filepath.Join(idp.dir, name)
	return map[string]string{"Directory": dir, "LockDirectory": filepath.Join(dir, "lock")}
}

// registered are the service providers by a name for each: of two with one
// entity ID the last.
func (idp *LemonLDAPIdP) registered(t testing.TB) map[string]LemonLDAPSP {
	t.Helper()
	byName, names := map[string]LemonLDAPSP{}, map[string]string{}
	for i, sp := range idp.sps {
		entityID := metadataEntityID(t, sp.Metadata)
		if names[entityID] == "" {
			names[entityID] = fmt.Sprint("sp", i)
		}
		byName[names[entityID]] = sp
	}
	return byName
}

// settings are the parts of the configuration that are a service provider's.
func (sp LemonLDAPSP) settings() (xml, options, macros map[string]any) {
	nameID := sp.NameID
	if nameID == "" {
		nameID = "$mail"
	}
	options = map[string]any{
		"samlSPMetaDataOptionsNameIDFormat":             "email",
		"samlSPMetaDataOptionsNameIDSessionKey":         "nameID",
		"samlSPMetaDataOptionsEnableIDPInitiatedURL":    1,
		"samlSPMetaDataOptionsCheckSSOMessageSignature": 0,
		"samlSPMetaDataOptionsCheckSLOMessageSignature": 1,
	}
	for name, value := range sp.Options {
		options["samlSPMetaDataOptions"+name] = value
	}
	return map[string]any{"samlSPMetaDataXML": string(sp.Metadata)}, options, map[string]any{"nameID": nameID}
}
