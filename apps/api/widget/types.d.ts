/** What the widget's files say to each other. Only for `tsc`: browsers never see it. */
export type {
  Widget,
  WidgetElement,
  WidgetEvents,
  WidgetHistory,
  WidgetMessage,
  WidgetMessageAccepted,
  WidgetNode,
} from '@nightshift/contracts';

/** A message of the visitor's that the server has not confirmed. */
export interface Unsent {
  id: string;
  text: string;
  files: { name: string; mediaType: string; data: string }[];
  /** Why it will not be sent: there is no sense in trying again. */
  problem?: string;
}
