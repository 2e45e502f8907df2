package app

import (
	"net/netip"
	"time"

	"sallyport/internal/directory"
)

// Settings are what the operator sets. See [Table] for their names, defaults
// and meanings.
type Settings struct {
	Listen      string
	AdminListen string
	BaseURL     string // without a slash at its end
	Insecure    bool   // http outside loopback is wanted

	Database      string
	SecretKeyFile string
	SecretKey     string

	Mail           string
	MailFrom       string
	OperatorMail   string
	DNSResolver    string
	OutboundAllow  []netip.Prefix
	TrustedProxies []netip.Prefix

	DefaultEdition       directory.Edition
	SelfServiceEdition   directory.Edition
	OrganizationCreation string
	MaxDomains           int
	Signup               string
	ThrottleAddress      Rate
	ThrottleSource       Rate
	SignInKeep           time.Duration

	SalesURL     string
	SupportURL   string
	ProductName  string
	AccountRoles []string

	TLSCert, TLSKey string

	AuditKeep time.Duration // zero: for good

	// TracesURL is where traces go: an OTLP/HTTP collector; empty for none.
	TracesURL string

	LogLevel  string
	LogFormat string
	Pprof     bool
}

// selfService is the edition of organizations that users make; empty where they
// make none.
func (s *Settings) selfService() directory.Edition {
	if s.OrganizationCreation != "users" {
		return ""
	}
	return s.SelfServiceEdition
}

// A Rate is a number of events in a time.
type Rate struct {
	Count int
	Per   time.Duration
}

// A Setting is one line of the table.
type Setting struct {
	Name    string // of the flag; variable and YAML key follow from it
	Default string
	Help    string
	parse   func(s *Settings, value string) string // returns what was expected; empty if it fits
}

// Table lists every setting, in the order of the help.
func Table() []Setting {
	return []Setting{
		{"listen", "127.0.0.1:8400", "address of the public listener; :0 picks a port, which the first log line names", func(s *Settings, v string) string { return hostPort(&s.Listen, v) }},
		{"admin-listen", "127.0.0.1:8401", "address of /metrics, /healthz and /readyz", func(s *Settings, v string) string { return hostPort(&s.AdminListen, v) }},
		{"base-url", "http://localhost:8400", "what browsers and Identity Providers see; https outside loopback", func(s *Settings, v string) string { return baseURL(&s.BaseURL, v) }},
		{"insecure-http", "false", "allow a base URL with http outside loopback", func(s *Settings, v string) string { return boolean(&s.Insecure, v) }},
		{"database", "sqlite:sallyport.db", "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", func(s *Settings, v string) string { return database(&s.Database, v) }},
		{"secret-key-file", "", "file with the key that encrypts secrets at rest, older ones in lines below it; by default made beside the SQLite file", func(s *Settings, v string) string { return anything(&s.SecretKeyFile, v) }},
		{"secret-key", "", "the key itself: 32 bytes in base64, older ones behind commas; required with PostgreSQL, unless there is a file", func(s *Settings, v string) string { return secretKey(&s.SecretKey, v) }},
		{"mail", "log:", "smtp://…, smtps://…, file:DIR, or log:", func(s *Settings, v string) string { return mailURL(&s.Mail, v) }},
		{"mail-from", "", "sender of mails; by default sallyport@ and the host of the base URL", func(s *Settings, v string) string { return mailFrom(&s.MailFrom, v) }},
		{"operator-mail", "", "where the operator is written to, when there is something to decide; by default the sender of mails", func(s *Settings, v string) string { return mailFrom(&s.OperatorMail, v) }},
		{"dns-resolver", "", "for domain proofs: system, or HOST:PORT[,HOST:PORT]; by default two public resolvers that must agree", func(s *Settings, v string) string { return dnsResolver(&s.DNSResolver, v) }},
		{"outbound-allow", "", "private networks that outbound requests may reach: CIDR[,CIDR]", func(s *Settings, v string) string { return prefixes(&s.OutboundAllow, v) }},
		{"trusted-proxies", "", "proxies whose X-Forwarded-For counts: CIDR[,CIDR]", func(s *Settings, v string) string { return prefixes(&s.TrustedProxies, v) }},
		{"default-edition", "enterprise", "of organizations that the operator makes: standard, administration or enterprise", func(s *Settings, v string) string { return edition(&s.DefaultEdition, v) }},
		{"self-service-edition", "standard", "of organizations that users make", func(s *Settings, v string) string { return edition(&s.SelfServiceEdition, v) }},
		{"organization-creation", "operator", "who makes organizations: operator or users", func(s *Settings, v string) string { return oneOf(&s.OrganizationCreation, v, "operator", "users") }},
		{"max-domains", "100", "domains that an organization may claim", func(s *Settings, v string) string { return number(&s.MaxDomains, v, 1, 100_000) }},
		{"signup", "open", "whether independent users may sign up: open or closed", func(s *Settings, v string) string { return oneOf(&s.Signup, v, "open", "closed") }},
		{"throttle-address", "10/15m", "failed sign-ins per address: COUNT/DURATION", func(s *Settings, v string) string { return rate(&s.ThrottleAddress, v) }},
		{"throttle-source", "300/1m", "failed sign-ins per source: COUNT/DURATION", func(s *Settings, v string) string { return rate(&s.ThrottleSource, v) }},
		{"audit-keep", "forever", "how long audit events are kept: forever, or days such as 400d", func(s *Settings, v string) string { return keep(&s.AuditKeep, v) }},
		{"sign-in-keep", "30d", "how long the records of sign-ins are kept, messages included: from 1d to 400d", func(s *Settings, v string) string { return days(&s.SignInKeep, v, 1, 400) }},
		{"sales-url", "", "where people without SSO in their edition are sent", func(s *Settings, v string) string { return webLink(&s.SalesURL, v) }},
		{"support-url", "", "where people who need help are sent", func(s *Settings, v string) string { return webLink(&s.SupportURL, v) }},
		{"product-name", "Sallyport", "what the pages call the product", func(s *Settings, v string) string { return productName(&s.ProductName, v) }},
		{"account-roles", "administrator,developer,billing,support,viewer", "roles in an account", func(s *Settings, v string) string { return roles(&s.AccountRoles, v) }},
		{"tls-cert", "", "certificate file, to serve HTTPS itself", func(s *Settings, v string) string { return file(&s.TLSCert, v) }},
		{"tls-key", "", "key file, to serve HTTPS itself", func(s *Settings, v string) string { return file(&s.TLSKey, v) }},
		{"otlp-endpoint", "", "OpenTelemetry collector that takes traces by OTLP/HTTP, such as http://localhost:4318; by default what OTEL_EXPORTER_OTLP_ENDPOINT says, else none", func(s *Settings, v string) string { return endpoint(&s.TracesURL, v) }},
		{"log-level", "info", "debug, info, warn or error", func(s *Settings, v string) string { return oneOf(&s.LogLevel, v, "debug", "info", "warn", "error") }},
		{"log-format", "text", "text or json", func(s *Settings, v string) string { return oneOf(&s.LogFormat, v, "text", "json") }},
		{"pprof", "false", "serve /debug/pprof on the admin listener", func(s *Settings, v string) string { return boolean(&s.Pprof, v) }},
	}
}
