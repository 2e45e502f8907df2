package testenv

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// simpleSAMLphpFiles are the PHP files of the configuration. They never change:
// each reads JSON that lies beside it. So no text of a test needs PHP's
// quoting, and PHP's compiler cache cannot hold a stale list of service
// providers.
func simpleSAMLphpFiles() map[string]string {
	const read = `json_decode(file_get_contents(__DIR__ . '/%s.json'), true, 64, JSON_THROW_ON_ERROR)`
	reader := func(variable, name string) string {
		return "<?php $" + variable + " = " + fmt.Sprintf(read, name) + ";\n"
	}
	return map[string]string{
		"config/config.php":              reader("config", "config") + "require_once __DIR__ . '/encryption.php';\n",
		"config/encryption.php":          simpleSAMLphpEncryption,
		"config/authsources.php":         reader("config", "authsources"),
		"metadata/saml20-idp-hosted.php": reader("metadata", "saml20-idp-hosted"),
		"metadata/saml20-sp-remote.php":  "<?php\nforeach (" + fmt.Sprintf(read, "saml20-sp-remote") + simpleSAMLphpRemoteSPs,
	}
}

// simpleSAMLphpEncryption changes what SimpleSAMLphp 1.19 has in its code and no
// option for: by which algorithms it encrypts. It does so as the classes are
// loaded, where encryption.json names others.
const simpleSAMLphpEncryption = `<?php
if (is_file(__DIR__ . '/encryption.json')) {
    spl_autoload_register(function (string $class): void {
        $places = [
            'SAML2\EncryptedAssertion' =>
                ['/vendor/simplesamlphp/saml2/src/SAML2/EncryptedAssertion.php', 'new XMLSecurityKey(XMLSecurityKey::AES128_CBC)', 'content'],
            'SimpleSAML\Module\saml\IdP\SAML2' =>
                ['/modules/saml/lib/IdP/SAML2.php', 'new XMLSecurityKey(XMLSecurityKey::RSA_OAEP_MGF1P', 'transport'],
        ];
        if (!isset($places[$class])) {
            return;
        }
        [$file, $text, $of] = $places[$class];
        $chosen = json_decode(file_get_contents(__DIR__ . '/encryption.json'), true, 64, JSON_THROW_ON_ERROR);
        $code = file_get_contents('` + simpleSAMLphpHome + `' . $file);
        if (substr_count($code, $text) !== 1) {
            throw new \Exception("$file does not hold $text once");
        }
        $other = preg_replace('/XMLSecurityKey::.*?(?=\)|$)/', var_export($chosen[$of], true), $text);
        eval(str_replace([$text, '<?php'], [$other, ''], $code));
    }, true, true);
}
`

const simpleSAMLphpRemoteSPs = ` as $sp) {
    $entry = $sp['options'];
    if ($sp['document'] !== '') {
        $parsed = \SimpleSAML\Metadata\SAMLParser::parseString($sp['document'])->getMetadata20SP();
        unset($parsed['entityDescriptor'], $parsed['expire']);
        $entry += $parsed;
    }
    $metadata[$entry['entityid']] = $entry;
}
`

// configure writes all that SimpleSAMLphp reads. Nothing of the machine's own
// configuration is used but the package's attribute maps.
func (idp *SimpleSAMLphpIdP) configure(t testing.TB, cfg SimpleSAMLphpConfig) {
	t.Helper()
	for _, name := range []string{"config", "metadata", "cert", "log", "data", "temp", "sessions", "www"} {
		if err := os.Mkdir(filepath.Join(idp.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range simpleSAMLphpFiles() {
		idp.write(t, name, []byte(content))
	}
	if err := os.Symlink(filepath.Join(simpleSAMLphpHome, "www"), filepath.Join(idp.dir, "www", "simplesaml")); err != nil {
		t.Fatal(err)
	}
	idp.CertificatePEM, idp.KeyPEM = idpKeyPair(t, "SimpleSAMLphp signing")
	idp.write(t, "cert/idp.crt", idp.CertificatePEM)
	idp.write(t, "cert/idp.pem", idp.KeyPEM)

	idp.writeJSON(t, "config/config.json", idp.settings())
	idp.writeJSON(t, "config/authsources.json", map[string]any{"users": simpleSAMLphpUsers(t, cfg.Users)})
	idp.writeJSON(t, "metadata/saml20-idp-hosted.json", map[string]any{idp.EntityID: idp.hosted(cfg.Extra)})
	idp.writeSPs(t)
	for _, sp := range cfg.ServiceProviders {
		idp.AddServiceProvider(t, sp)
	}
}

// settings is config.php.
func (idp *SimpleSAMLphpIdP) settings() map[string]any {
	https := strings.HasPrefix(idp.BaseURL, "https://")
	settings := map[string]any{
		"baseurlpath":                 idp.BaseURL,
		"certdir":                     filepath.Join(idp.dir, "cert") + "/",
		"loggingdir":                  filepath.Join(idp.dir, "log") + "/",
		"datadir":                     filepath.Join(idp.dir, "data") + "/",
		"tempdir":                     filepath.Join(idp.dir, "temp"),
		"metadatadir":                 filepath.Join(idp.dir, "metadata") + "/",
		"attributenamemapdir":         simpleSAMLphpHome + "/config/attributemap/",
		"technicalcontact_email":      "na@example.org", // SimpleSAMLphp's word for none
		"timezone":                    "UTC",
		"secretsalt":                  rand.Text(),
		"auth.adminpassword":          rand.Text(),
		"admin.checkforupdates":       false,
		"showerrors":                  true,
		"errorreporting":              false,
		"debug":                       map[string]bool{"backtraces": true},
		"logging.handler":             "file",
		"logging.level":               6, // notices of every step, without the messages themselves
		"logging.logfile":             "simplesamlphp.log",
		"enable.saml20-idp":           true,
		"module.enable":               map[string]bool{"core": true, "saml": true, "exampleauth": true},
		"store.type":                  "phpsession",
		"session.phpsession.savepath": filepath.Join(idp.dir, "sessions"),
		"session.cookie.secure":       https,
		"language.cookie.secure":      https,
		"language.default":            "en",
		"metadata.sources":            []any{map[string]string{"type": "flatfile"}},
	}
	if https {
		// A request by HTTP-POST comes from another site and must still find
		// the session.
		settings["session.cookie.samesite"] = "None"
	}
	return settings
}

// hosted is the Identity Provider's own entry in saml20-idp-hosted.php.
func (idp *SimpleSAMLphpIdP) hosted(extra map[string]any) map[string]any {
	entry := map[string]any{
		"host":                       "__DEFAULT__",
		"privatekey":                 "idp.pem",
		"certificate":                "idp.crt",
		"auth":                       "users",
		"SingleSignOnServiceBinding": []string{BindingRedirect, BindingPOST},
		"NameIDFormat":               []string{NameIDEmail},
	}
	maps.Copy(entry, extra)
	return entry
}

// AddServiceProvider registers sp, or replaces the one of the same entity ID.
// It counts from the next request on.
func (idp *SimpleSAMLphpIdP) AddServiceProvider(t testing.TB, sp SimpleSAMLphpSP) {
	t.Helper()
	if len(sp.Metadata) == 0 && (sp.EntityID == "" || sp.ACSURL == "") {
		t.Fatalf("a service provider needs an entity ID and an ACS URL, or metadata: %+v", sp)
	}
	idp.sps = slices.DeleteFunc(idp.sps, func(old SimpleSAMLphpSP) bool { return old.entityID(t) == sp.entityID(t) })
	idp.sps = append(idp.sps, sp)
	idp.writeSPs(t)
}

// entityID is the service provider's name.
func (sp SimpleSAMLphpSP) entityID(t testing.TB) string {
	if sp.EntityID != "" {
		return sp.EntityID
	}
	return metadataEntityID(t, sp.Metadata)
}

// EncryptBy has assertions encrypted by these algorithms, named as in XML
// Encryption, for the rest of the test: the key by transport (RSA-OAEP with
// SHA-1 or RSA 1.5), the assertion by content (AES in CBC or GCM, Triple DES).
// SimpleSAMLphp itself knows RSA-OAEP and AES-128-CBC alone; the library that it
// uses, xmlseclibs, knows them all.
func (idp *SimpleSAMLphpIdP) EncryptBy(t testing.TB, transport, content string) {
	t.Helper()
	const name = "config/encryption.json"
	idp.writeJSON(t, name, map[string]string{"transport": transport, "content": content})
	t.Cleanup(func() {
		if err := os.RemoveAll(filepath.Join(idp.dir, name)); err != nil { // another call may have had its end first
			t.Error(err)
		}
	})
}

func (idp *SimpleSAMLphpIdP) writeSPs(t testing.TB) {
	t.Helper()
	type entry struct {
		Document string         `json:"document"`
		Options  map[string]any `json:"options"`
	}
	entries := make([]entry, 0, len(idp.sps))
	for _, sp := range idp.sps {
		entries = append(entries, entry{string(sp.Metadata), sp.options(t)})
	}
	idp.writeJSON(t, "metadata/saml20-sp-remote.json", entries)
}

// options is the provider's entry in saml20-sp-remote.php.
func (sp SimpleSAMLphpSP) options(t testing.TB) map[string]any {
	t.Helper()
	format, attribute := sp.NameIDFormat, sp.NameIDAttribute
	if format == "" {
		format = NameIDEmail
	}
	if attribute == "" {
		attribute = "mail"
	}
	options := map[string]any{
		"NameIDFormat":          format,
		"saml20.sign.response":  sp.SignResponse,
		"saml20.sign.assertion": sp.SignAssertion,
		"validate.authnrequest": sp.ValidateRequests,
	}
	if attribute != "-" {
		options["authproc"] = map[string]any{
			"10": map[string]string{"class": "saml:AttributeNameID", "attribute": attribute, "Format": format},
		}
	}
	if sp.EntityID != "" {
		options["entityid"] = sp.EntityID
	}
	if sp.ACSURL != "" {
		options["AssertionConsumerService"] = []any{
			map[string]any{"index": 0, "isDefault": true, "Binding": BindingPOST, "Location": sp.ACSURL},
		}
	}
	if len(sp.Certificate) > 0 {
		options["keys"] = []any{map[string]any{
			"type": "X509Certificate", "signing": true, "encryption": true,
			"X509Certificate": simpleSAMLphpCertData(t, sp.Certificate),
		}}
	}
	maps.Copy(options, sp.Extra)
	return options
}

// simpleSAMLphpCertData is a certificate, PEM or DER, as metadata holds it.
func simpleSAMLphpCertData(t testing.TB, certificate []byte) string {
	t.Helper()
	if block, _ := pem.Decode(certificate); block != nil {
		certificate = block.Bytes
	}
	if _, err := x509.ParseCertificate(certificate); err != nil {
		t.Fatalf("certificate of a service provider: %v", err)
	}
	return base64.StdEncoding.EncodeToString(certificate)
}

// simpleSAMLphpUsers is the authentication source: the class's name under the
// key 0, and the attributes under login and password.
func simpleSAMLphpUsers(t testing.TB, users []SimpleSAMLphpUser) map[string]any {
	t.Helper()
	source := map[string]any{"0": "exampleauth:UserPass"}
	for _, user := range users {
		if strings.Contains(user.Login, ":") {
			t.Fatalf("SimpleSAMLphp takes no login with a colon: %q", user.Login)
		}
		attributes := user.Attributes
		if attributes == nil {
			attributes = map[string][]string{}
		}
		source[user.Login+":"+user.Password] = attributes
	}
	return source
}

func (idp *SimpleSAMLphpIdP) writeJSON(t testing.TB, name string, value any) {
	t.Helper()
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatalf("%s of SimpleSAMLphp: %v", name, err)
	}
	idp.write(t, name, content)
}

// write replaces a file at once: a request under way reads the old content or
// the new.
func (idp *SimpleSAMLphpIdP) write(t testing.TB, name string, content []byte) {
	t.Helper()
	path := filepath.Join(idp.dir, filepath.FromSlash(name))
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
