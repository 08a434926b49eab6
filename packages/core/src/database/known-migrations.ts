/** What is known of migrations beyond their files: how the released ones read, and which changes had no effect. */
import { meaningOf } from './sql-meaning.ts';

/**
 * SHA-256 of each migration of 0.1.0 and 0.2.0 → what it means (`meaningOf`). Installations up to 0.1.0 recorded the
 * checksum alone, so an edit of comments or white space is told from another one by this.
 */
const released: Readonly<Record<string, string>> = {
  '6b948cc631e75396c01a346c5eb344f724b211a744b34bb9c9b44961e3d343ad': '1b42f078-31bf-82dc-ac88-cfa7d4e459f0',
  '65f633657501786aee2da4e51fe99bd5524fa36234df5d192161ae3e7c982ea3': '62f574ba-a043-8e4b-918c-9d5b1fc86f91',
  d0f59b046ac54ed8737a13b279fb790fb807909db9fb5b73c4f962ad9019924c: 'b395a787-d888-86f4-a660-e79f7593f97c',
  '47f1a9944364084ec15673c36c3f6cbe6abb8ce940eeafc2ec2f69586f443b0d': '271e9eef-988d-8775-aa81-75b1a711b48c',
  '7ae8c165d6029834c5ae60f0602d83d509e6c1366cca655b1f341ff138f1fde3': '9ffbf5d6-100f-82a0-8307-7c5d7ae3b319',
  '932cc594fa19a0dcdfc0c7f59c1aec6840bf3ac0c24d70fab15873a880efa959': '5417ad15-5e7c-8189-8624-64afc51e307f',
  '0141e17459cd8dfc35745849fa6d98fa37cd79b9d27210bf0c796bcf3879d3c1': '5cac78ef-7f55-86e9-ad46-f94844e01cfc',
  '0eb7d90b0c9de8bbd7fbc767cd2edf91dda3019049742adbef29ef491db23be1': '8e225b20-ef80-86de-9002-eb7d7133c363',
  '40b11c89758d656aaec470495f8471ac444d5c37c16403f30624aef13903aa86': '4687f2f1-12ef-869f-8641-72bdb0cafcbf',
  '024471d0969c5d047aa430ae23452bfd1165e7305aa5335691ad244dade234bf': 'bf809eb4-3537-8f1c-8877-d7eecb3b3a13',
  '84a2c7e304f635d4d5575f2443a9c6dbdd6869a43d0ae926bc3d599bad38746f': '15f3f857-7a27-8cf5-b042-826885745c88',
  ebe87f430a55c1f04b185c82b4b053f61381667a7f5169a9c5fbdcce89e00fe8: '2bd4afc4-5392-8b32-9308-8d058dcf1c96',
  '879f7db382a402de962291d4b24651ea801e1109c99cc315d19d1b23a0482584': '5f5ed899-b855-8b8b-9427-2b897d0f0d70',
  '3cd408ba7446baea7d91c477fb09ca01769fe37702de0494186224bb798c3af7': 'a0023c9b-c340-8fe0-8a09-ff60625f0fea',
};

/** A migration that was changed between two releases, after installations that follow the sources had applied it. */
interface KnownChange {
  name: string;
  /** SHA-256 of the text that was applied. */
  from: string;
  /** What the text of today means. */
  to: string;
  /** Answers one row with `affected`: whether the two texts can have left this database different. */
  affected: string;
  /** The difference, for the operator. */
  difference: string;
}

export const knownChanges: readonly KnownChange[] = [
  {
    name: '20261130160000_guests',
    from: '6ac5eeebbec08ce350e1112fcdee7b2fcc786bc43f347c786ceec73faa344b86',
    to: '2bd4afc4-5392-8b32-9308-8d058dcf1c96',
    affected: `SELECT EXISTS (
      SELECT FROM "identity" i JOIN "conversation" c ON c."channel_id" = i."channel_id"
      LEFT JOIN "schedule" s ON s."conversation_id" = c."id" AND s."made_by_agent"
      WHERE NOT i."vouched" AND i."person_id" IN (c."guest_id", s."guest_id")
    ) AS "affected"`,
    difference:
      'schedules that an agent made for a sender whose identity nobody vouches for belong to the chat, no longer to the person',
  },
];

/** @returns what a migration with this checksum means; undefined when it was never released */
export const meaningOfReleased = (checksum: string): string | undefined => released[checksum];

export const findKnownChange = (name: string, from: string, sql: string): KnownChange | undefined =>
  knownChanges.find((change) => change.name === name && change.from === from && change.to === meaningOf(sql));
