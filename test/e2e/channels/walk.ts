/**
 * The life of a channel, as its owner, its people and its platform see it: the same steps for every platform, which brings
 * its stand-in (platforms/). Whatever a step changes, it leaves as the next one needs it.
 */
import { randomUUID } from 'node:crypto';
import { builtInAdapters } from '@nightshift/channels';
import { connectModel, createAgent } from '../../support/api/index.ts';
import { startModelServer } from '../../support/model-server/index.ts';
import * as asOwner from './owner-steps.ts';
import type { Platform } from './platforms/platform.ts';
import * as asPerson from './talk-steps.ts';
import type { Product, Walk } from './walking.ts';

const steps = [
  asOwner.wrongCredentialsAreRefusedInWords,
  asOwner.rightOnesAreTaken,
  asOwner.aStrangerIsPaired,
  asPerson.aQuestionIsAnsweredAsItIsWritten,
  asPerson.aRepetitionIsNoSecondQuestion,
  asPerson.inAGroupOnlyWhatNamesUsIsAnswered,
  asPerson.whileItThinksItIsSeenWriting,
  asPerson.whatSaysNothingIsTakenAndCounted,
  asPerson.aPictureIsShownToTheModel,
  asPerson.aLongAnswerComesInParts,
  asPerson.aVeryLongOneAsFile,
  asPerson.whatIsChangedOrTakenBackInTimeCounts,
  asPerson.commandsAreAnsweredWithoutAModel,
  asOwner.aRevokedTokenIsToldOnceAndMended,
  asOwner.aPausedChannelIsSilent,
  asOwner.aRemovedOneIsGone,
];

/** Walks through all of it; the error of a step that fails names it. */
export async function walk(platform: Platform, product: Product): Promise<void> {
  const { owner, world } = product;
  await using resources = new AsyncDisposableStack();
  const models = await startModelServer();
  resources.defer(models.close);
  const place = await platform.start(world);
  resources.defer(() => place.close());
  const model = await connectModel(owner, models);
  // What is said meanwhile waits, so that it can be changed and taken back.
  const agentId = await createAgent(owner, { model, queueMode: 'followup' });
  const { capabilities } = (await builtInAdapters.load(place.channel.kind))!;
  const channel = await owner.expect(
    201,
    owner.post('/v1/channels', {
      ...place.channel,
      name: `${platform.name} ${randomUUID()}`,
      agentId,
      credentials: place.wrongCredentials,
    }),
  );
  const walking: Walk = { ...product, models, place, agentId, capabilities, channel };
  for (const step of steps) {
    try {
      await step(walking);
    } catch (error) {
      (error as Error).message = `${platform.name}, ${step.name}: ${(error as Error).message}`;
      throw error;
    }
  }
}
