import { Id, IdentityLink, Person, PersonListQuery, PersonUpdate, pageOf } from '@nightshift/contracts';
import { getPerson, linkIdentity, listPeople, renamePerson, unlinkIdentity } from '@nightshift/core/channels';
import { errors, paramsOf, type Routes } from './types.ts';

export const peopleRoutes: Routes = async (app, { deps: { db } }) => {
  app.get(
    '/v1/people',
    {
      schema: {
        tags: ['people'],
        summary: 'List the people that channels have met',
        querystring: PersonListQuery,
        response: { 200: pageOf(Person), ...errors },
      },
    },
    (request) => listPeople(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/people/:id',
    {
      schema: {
        tags: ['people'],
        summary: 'Read a person',
        params: paramsOf('person'),
        response: { 200: Person, ...errors },
      },
    },
    (request) => getPerson(db, request.caller.teamId, request.params.id),
  );

  app.patch(
    '/v1/people/:id',
    {
      schema: {
        tags: ['people'],
        summary: 'Rename a person',
        params: paramsOf('person'),
        body: PersonUpdate,
        response: { 200: Person, ...errors },
      },
    },
    (request) => renamePerson(db, request.caller.teamId, request.params.id, request.body.name),
  );

  app.post(
    '/v1/people/:id/identities',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['people'],
        summary: 'Say that somebody of a channel is this person',
        params: paramsOf('person'),
        body: IdentityLink,
        response: { 200: Person, ...errors },
      },
    },
    (request) => linkIdentity(db, request.caller.teamId, request.params.id, request.body.identityId),
  );

  app.delete(
    '/v1/people/:id/identities/:identityId',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['people'],
        summary: 'Make somebody of a channel a person of their own again',
        description: 'Answers with that person.',
        params: paramsOf('person').extend({ identityId: Id }),
        response: { 200: Person, ...errors },
      },
    },
    (request) => {
      const { id, identityId } = request.params;
      return unlinkIdentity(db, request.caller.teamId, id, identityId);
    },
  );
};
