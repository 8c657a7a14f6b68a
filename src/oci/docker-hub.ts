/** Docker Hub, where names without a host are. Grammar of the distribution project's reference package. */

/** How names of images call it. */
export const DOCKER_HUB = "docker.io";
/** The host of its API. */
export const DOCKER_HUB_API = "registry-1.docker.io";

const HOSTS: ReadonlySet<string> = new Set([DOCKER_HUB, "index.docker.io", DOCKER_HUB_API]);

/** Whether a host, in lower case and without a port, is one of Docker Hub's. */
export function isDockerHub(host: string): boolean {
  return HOSTS.has(host);
}
