/** Says of an image what it will move, and what it leaves where it is. */
import type { OnEvent } from "../events.ts";
import type { Item } from "./items.ts";
import type { Task } from "./run.ts";

/** `news` are the blobs that no image before it wanted there. */
export function tellPlanned({ wanted: { name }, image }: Task, news: readonly Item[], onEvent: OnEvent): void {
  const bytes = news.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  onEvent({ type: "planned", image: name, blobs: news.length, bytes });
  if (image.foreign.length > 0)
    onEvent({
      type: "warning",
      image: name,
      message: `leaves ${image.foreign.length} foreign layers where their publisher keeps them`,
    });
  if (image.unknown.length > 0)
    onEvent({
      type: "warning",
      image: name,
      message: `leaves ${image.unknown.length} referrers of a kind that registries no longer take`,
    });
}
