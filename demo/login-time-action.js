/** The second Action of docs/policy.md: says in the access token when and how the user logged in. */
const MULTI_FACTOR = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';

exports.onExecutePostLogin = async (event, api) => {
  const methods = event.authentication?.methods ?? [];
  // A second factor in an old session is not a new login.
  const logins = methods.filter(({ name }) => name !== 'mfa').map(({ timestamp }) => Date.parse(timestamp));
  if (logins.length > 0) {
    api.accessToken.setCustomClaim(
      'https://app.example.com/auth_time',
      Math.floor(Math.max(...logins) / 1000),
    );
  }
  if (methods.some(({ name }) => name === 'mfa')) {
    api.accessToken.setCustomClaim('https://app.example.com/acr', MULTI_FACTOR);
  }
};
