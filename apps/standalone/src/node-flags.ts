/**
 * V8 sizes the space for new objects by the machine's memory, and lets old ones grow as long as there is some. Servers whose
 * objects live for one request do as well with a small one and are tidied up sooner: under load the api and the worker
 * take some 300 MB less (`npm run bench -- memory`), at the same rate. The Dockerfile and docker-compose.yml say the same.
 */
export const nodeFlags = ['--max-semi-space-size=4', '--optimize-for-size'];
