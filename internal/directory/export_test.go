package directory

// DomainStatements are the statements on many domains, by name.
var DomainStatements = map[string]string{
	"the holder": domainHolderSQL, "claims": domainClaimsSQL, "evicting": domainEvictingSQL, "evicted": usersToEvictSQL, "pilot": pilotAtDomainSQL,
	"disputes": hastenDisputesSQL, "any due": anyDueDomainSQL, "due": takeDueDomainsSQL, "checks": checksOfSQL,
}
