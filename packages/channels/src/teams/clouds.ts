/**
 * Where Microsoft is: its public cloud, and those that are apart from it.
 * https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
 * https://learn.microsoft.com/azure/bot-service/how-to-deploy-gov-cloud-high
 */

export interface Cloud {
  /** Whom bots get their tokens of. */
  readonly login: string;
  /** The tenant of bots that belong to many. */
  readonly manyTenants: string;
  /** What the tokens of bots are for. */
  readonly scope: string;
  /** Who signs what comes to us, and where the keys are named. */
  readonly issuer: string;
  readonly openId: string;
  /**
   * The connectors, which are sent our token: nobody else is, whatever a message names.
   * https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
   */
  readonly connectors: readonly string[];
  /** By origin: where OneDrive and SharePoint keep the files of people. They are sent nothing. */
  isFileHost(origin: string): boolean;
}

const publicCloud: Cloud = {
  login: 'https://login.microsoftonline.com',
  manyTenants: 'botframework.com',
  scope: 'https://api.botframework.com/.default',
  issuer: 'https://api.botframework.com',
  openId: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
  connectors: ['https://smba.trafficmanager.net', 'https://smba.infra.gcc.teams.microsoft.com'],
  isFileHost: (origin) => /^https:\/\/[a-z0-9-]+\.sharepoint\.com$/.test(origin),
};

const usGovernment: Cloud = {
  login: 'https://login.microsoftonline.us',
  manyTenants: 'MicrosoftServices.onmicrosoft.us',
  scope: 'https://api.botframework.us/.default',
  issuer: 'https://api.botframework.us',
  openId: 'https://login.botframework.azure.us/v1/.well-known/openidconfiguration',
  connectors: ['https://smba.infra.gov.teams.microsoft.us', 'https://smba.infra.dod.teams.microsoft.us'],
  isFileHost: (origin) => /^https:\/\/[a-z0-9-]+\.(sharepoint\.us|sharepoint-mil\.us)$/.test(origin),
};

export const clouds = { public: publicCloud, usGovernment } as const;

/** The public cloud, of which everything that we ask is at one address on this machine. */
export const emulated = (address: string): Cloud => ({
  ...publicCloud,
  login: address,
  openId: `${address}/v1/.well-known/openidconfiguration`,
  isFileHost: (origin) => origin === address,
});
