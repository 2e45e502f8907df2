// An Identity Provider made of the samlp library (npm), for tests on loopback.
//
//   node samlp.js ENTITY-ID CERTIFICATE KEY
//
// prints the port that it listens on. Service providers are put to it by
// PUT /service-providers, as JSON: see serviceProvider below. Whoever comes is
// signed in at once, as the user that the service provider's entry names.
'use strict';

const fs = require('fs');
const express = require('express');
const session = require('express-session');
const samlp = require('samlp');
const SessionParticipants = require('samlp/lib/sessionParticipants');

const [issuer, certificateFile, keyFile] = process.argv.slice(2);
const cert = fs.readFileSync(certificateFile);
const key = fs.readFileSync(keyFile);

// By entity ID: {entityID, acsURL, sloURL, email, signResponse, signAssertion,
// encryptionCert, encryptionAlgorithm, requestCert, logoutCert,
// error}. With an error, {code, description}, that is the answer. What isn't
// named here is an option of samlp's own and goes to it as it is: audience,
// recipient, lifetimeInSeconds, signatureAlgorithm and so on.
const serviceProviders = new Map();

const formatEmail = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

function mapper(user) {
  return {
    getClaims: () => ({ 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress': user.email }),
    getNameIdentifier: () => ({ nameIdentifier: user.email, nameIdentifierFormat: user.format || formatEmail }),
  };
}
mapper.prototype.metadata = [];

// answer is samlp's middleware for one service provider and one session.
function answer(sp, req, relayState) {
  const { entityID, acsURL, sloURL, sloBinding, email, requestCert, logoutCert, ...options } = sp;
  if (options.error) {
    return samlp.sendError({
      issuer, cert, key, destination: acsURL, RelayState: relayState, getPostURL: (req, callback) => callback(null, acsURL), ...options,
    });
  }
  return samlp.auth({
    issuer, cert, key,
    audience: entityID, destination: acsURL, recipient: acsURL,
    profileMapper: mapper,
    getUserFromRequest: () => ({ email, format: options.nameIdentifierFormat }),
    getPostURL: (audience, request, req, callback) => callback(null, acsURL),
    sessionIndex: participate(sp, req),
    RelayState: relayState,
    // Asked to check a signature, samlp refuses a request without one.
    signingCert: requestCert,
    ...options,
  });
}

// participate notes that the service provider is signed in by this session.
function participate(sp, req) {
  const participants = (req.session.participants || []).filter((p) => p.serviceProviderId !== sp.entityID);
  const sessionIndex = '_' + req.sessionID;
  participants.push({
    serviceProviderId: sp.entityID, nameId: sp.email, nameIdFormat: formatEmail, sessionIndex,
    serviceProviderLogoutURL: sp.sloURL, cert: sp.logoutCert, binding: sp.sloBinding,
  });
  req.session.participants = participants;
  return sessionIndex;
}

// only is the value of a parameter that may stand once.
function only(value) {
  if (Array.isArray(value)) throw new Error('a parameter stands twice');
  return value;
}

const app = express();
app.disable('x-powered-by');
app.use(express.urlencoded({ extended: false, limit: '1mb' }));
app.use(express.json({ limit: '1mb' }));
app.use(session({ secret: String(Math.random()), resave: false, saveUninitialized: true, name: 'samlp_sid' }));

app.put('/service-providers', (req, res) => {
  serviceProviders.set(req.body.entityID, req.body);
  res.sendStatus(204);
});

app.get('/metadata', samlp.metadata({
  issuer, cert, profileMapper: mapper,
  redirectEndpointPath: '/sso', postEndpointPath: '/sso',
  logoutEndpointPaths: { redirect: '/slo', post: '/slo' },
}));

app.all('/sso', (req, res, next) => {
  // Read without a check first, to know whose certificate checks it.
  samlp.parseRequest(req, (err, request) => {
    if (err) return next(err);
    const sp = serviceProviders.get(request ? request.issuer : only(req.query.sp));
    if (!sp) return next(new Error('no such service provider'));
    if (request && request.assertionConsumerServiceURL && request.assertionConsumerServiceURL !== sp.acsURL) {
      return next(new Error('the request names another ACS URL: ' + request.assertionConsumerServiceURL));
    }
    answer(sp, req, only(req.body.RelayState || req.query.RelayState))(req, res, next);
  });
});

// Where users sign out, and where messages of Single Logout arrive.
app.all('/slo', (req, res, next) => {
  const participants = new SessionParticipants(req.session.participants || []);
  samlp.logout({
    issuer, cert, key, deflate: true,
    protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
    sessionParticipants: participants,
    clearIdPSession: (callback) => {
      req.session.participants = [];
      callback();
    },
  })(req, res, (err) => next(err));
});

app.use((err, req, res, next) => { // express knows it by its four parameters
  console.error(err);
  res.status(400).type('text/plain').send(String(err && err.message || err));
});

const server = app.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
