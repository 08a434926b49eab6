/** What is particular about the large providers: how they name themselves, and what they take as a password. */
import type { Settings } from './connection.ts';

interface Provider {
  readonly imapHosts: readonly string[];
  /**
   * What `authServer` is there by default. Microsoft gives no name, which is the empty one here:
   * https://learn.microsoft.com/defender-office-365/email-authentication-about
   */
  readonly authServer?: string;
  /** What to do when the password is refused. */
  readonly password: string;
}

const providers: readonly Provider[] = [
  {
    imapHosts: ['imap.gmail.com', 'imap.googlemail.com'],
    authServer: 'mx.google.com',
    password:
      'Google takes an app password here, not the one of the account: turn on 2-Step Verification, then make one at https://myaccount.google.com/apppasswords.',
  },
  {
    imapHosts: ['outlook.office365.com', 'outlook.office.com', 'imap-mail.outlook.com'],
    authServer: '',
    password:
      'Microsoft takes no passwords here: set up OAuth as the guide says, and see that IMAP and authenticated SMTP are on for the mailbox.',
  },
  {
    imapHosts: ['imap.fastmail.com'],
    authServer: '*.messagingengine.com',
    password:
      'Fastmail takes an app password here: Settings, Privacy & Security, Manage app passwords, with access to mail (IMAP/SMTP).',
  },
  {
    imapHosts: ['imap.mail.me.com'],
    password: 'Apple takes an app-specific password here: https://account.apple.com, Sign-In and Security.',
  },
  {
    imapHosts: ['imap.mail.yahoo.com'],
    password: 'Yahoo takes an app password here: Account security, Generate app password.',
  },
];

const providerOf = ({ imapHost }: Settings) =>
  providers.find(({ imapHosts }) => imapHosts.includes(imapHost));

/** Whose word counts about senders; undefined: it is not known. */
export const authServerOf = (settings: Settings): string | undefined =>
  settings.authServer ?? providerOf(settings)?.authServer;

export const isMicrosoft = (settings: Settings): boolean => authServerOf(settings) === '';

export const passwordHint = (settings: Settings): string =>
  providerOf(settings)?.password ??
  'Check the user name and the password. Many providers want a password of its own for programs, and IMAP turned on in their settings.';
