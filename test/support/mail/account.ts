/** Who may log in at the servers of the tests. */
export const account = {
  user: 'agent@nightshift.example',
  password: 'app-password-of-the-agent',
  accessToken: 'access-token-of-the-agent',
};
